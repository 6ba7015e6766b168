"""The page of all methods, from the registry: `python -m benchmarks.catalogue docs` (or `make docs`)."""

from __future__ import annotations

import argparse
import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import methods
from benchmarks.report.data.bibliography import Entry, bibliography, cited
from methods import Method, NetworkMethod

BIBLIOGRAPHY, PAGE = "references.bib", "methods.md"
HEAD = """# Methods

Made by `make docs` from the registry and [references.bib](references.bib); do not edit it. Notation: z logits, y label,
n_c images of class c in the training subset, pi_c = n_c / n, p = softmax(z). `progress` is the fraction of the training
done. Every sampler and ensemble of imbalanced-learn is a method by class name as well: `imblearn:SMOTE`.

*Hooks* are what a method changes of plain cross-entropy: see `methods/base.py`. *Cost* is in gradient steps on batches
of the comparison's size; every method spends the same budget of them.
"""


def page(entries: dict[str, Entry]) -> str:
    """Return the page.

    Raises:
        KeyError: a method's source has no entry.
    """
    parts = [HEAD]
    for family in methods.FAMILIES:
        names = [name for name in methods.available() if methods.get(name).family == family]
        parts += [f"\n## {family}\n", *("\n".join(_section(methods.get(name), entries)) for name in names)]
    parts.append("\n## Recent methods that are left out\n\n| method | why |\n| --- | --- |")
    parts += [f"| {_with_authors(entry)} | {entry['annote']} |" for entry in entries.values() if "annote" in entry]
    return "\n".join(parts) + "\n"


def _section(cls: type[Method], entries: dict[str, Entry]) -> Iterator[str]:
    titles = "; ".join(_title(entries[key]) for key in cited(cls.reference))
    yield f"### {cls.name}\n"
    yield f"{inspect.cleandoc(cls.__doc__ or '')}\n"
    defaults = [
        f"`{name} = {_value(field.get_default(call_default_factory=True))}`" for name, field in cls.model_fields.items()
    ]
    facts = {
        "Parameters": ", ".join(defaults) or "none",
        "Tuned": ", ".join(f"`{name}` over {_space(space)}" for name, space in cls.search_space.items())
        or "the learning rate only",
        "Hooks": ", ".join(f"`{hook}`" for hook in hooks(cls)) or "none",
        "Cost": _cost(cls),
        "Source": ": ".join([cls.reference, *filter(None, [titles])]),
    }
    yield from (f"- {name}: {fact}" for name, fact in facts.items() if fact != "-")
    yield ""


def hooks(cls: type[Method]) -> list[str]:
    """Return the public functions of the method interface that a class has of its own, or of a parent below it."""
    base = NetworkMethod if issubclass(cls, NetworkMethod) else Method
    public = [name for of in (NetworkMethod, Method) for name in vars(of) if not name.startswith(("_", "model_"))]
    return [name for name in dict.fromkeys(public) if _is_other(getattr(cls, name, None), getattr(base, name, None))]


def _is_other(own: Callable[..., Any] | None, base: Callable[..., Any] | None) -> bool:
    return inspect.isfunction(own) and own is not base


def _cost(cls: type[Method]) -> str:
    if not issubclass(cls, NetworkMethod):
        members = cls.model_fields.get("members")
        return "the budget, shared among its members" if members else "no gradient steps"
    passes = (
        f"{cls.step_cost} gradient steps for each optimiser step"
        if cls.step_cost > 1
        else "1 gradient step for each optimiser step"
    )
    return passes + ("; it trains a small network of its own, on images" if cls.from_scratch else "")


def _title(entry: Entry) -> str:
    link = f"https://doi.org/{entry['doi']}" if "doi" in entry else entry["url"]
    return f"[{entry['title']}]({link}), {entry['howpublished']}"


def _with_authors(entry: Entry) -> str:
    first, *others = entry["author"].split(" and ")
    return f"{first.partition(',')[0]}{' et al.' if others else ''} {entry['year']}: {_title(entry)}"


def _value(value: Any) -> str:
    return json.dumps(value, default=str)


def _space(space: Any) -> str:
    return f"{space[0]:g} to {space[1]:g}" if isinstance(space, tuple) else ", ".join(map(str, space))


def main(arguments: list[str] | None = None) -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.catalogue", description=__doc__)
    parser.add_argument("folder", type=Path, help=f"of {BIBLIOGRAPHY}; {PAGE} is written there")
    folder = parser.parse_args(arguments).folder
    (folder / PAGE).write_text(page(bibliography((folder / BIBLIOGRAPHY).read_text())))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
