"""The methods of a grid, as a plan knows them: kept where no file of theirs has changed, for they bring torch."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.grid.presets import Preset
from benchmarks.grid.remembered import files_digest, remembered
from datasets import UserError
from methods.naming import matching
from methods.training.settings import HeadName, Settings

if TYPE_CHECKING:
    import methods

PLAIN = "cross-entropy"
CHEAP = frozenset({"criterion", "sampling", "mix", "limit", "adjust", "loss", "after_step", "required_head"})
"""Hooks that change little of what a step costs."""
OUTSIDE = "imblearn"
"""Where prefixed methods come from; another release may have others."""


class Chosen(Settings):
    """A method as a plan knows it.

    Attributes:
        label: its name, and the parameters that are not the default.
        reference: the publication that defines it.
        aliases: its other names.
        ablation: whether `*` leaves it out.
        head: the head it insists on.
        cost: the method whose time it takes: plain cross-entropy's where it only draws, weighs or mixes otherwise.
        parameters: all of them, as JSON values.
        transfers: likewise for each source dataset that it may transfer from, in order of preference, and "" for none;
            empty where it has no source task.
    """

    name: str
    label: str
    family: str
    reference: str
    aliases: tuple[str, ...]
    ablation: bool
    from_scratch: bool
    needs_minority: bool
    head: HeadName | None
    cost: str
    parameters: dict[str, Any]
    transfers: dict[str, dict[str, Any]] = {}

    @classmethod
    def of(cls, method: methods.Method, others: dict[str, str]) -> Chosen:
        """Describe a method; `others` are the aliases of all."""
        sources = method.source_datasets()
        choices = [*((name, (name,)) for name in sources), *([("", ())] if sources else [])]
        return cls(
            name=method.name,
            label=label(method),
            family=method.family,
            reference=method.reference,
            aliases=tuple(alias for alias, known in others.items() if known == method.name),
            ablation=method.by_name_only,
            from_scratch=method.from_scratch,
            needs_minority=method.needs_minority,
            head=method.required_head(),
            cost=PLAIN if _is_plain(method) else method.name,
            parameters=method.model_dump(mode="json"),
            transfers={name: method.transfer_from(names).model_dump(mode="json") for name, names in choices},
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """The datasets whose task it transfers from, in order of preference."""
        return tuple(name for name in self.transfers if name)


def _is_plain(method: methods.Method) -> bool:
    from methods.base import Method, NetworkMethod

    if not isinstance(method, NetworkMethod) or method.from_scratch or method.required_head():
        return False
    shared = {*Method.__mro__, *NetworkMethod.__mro__}
    own = {name for cls in type(method).__mro__ if cls not in shared for name in vars(cls)}
    hooks = {name for name in vars(NetworkMethod) if not name.startswith(("_", "model_"))} - CHEAP
    return not own & hooks and method.step_cost == method.streams == 1


def label(method: methods.Method) -> str:
    """Return the display name: the method's, and the parameters that are not the default."""
    changed = method.model_dump(exclude_defaults=True)
    shown = {k: " or ".join(map(str, v)) or "none" if isinstance(v, tuple) else v for k, v in changed.items()}
    return f"{method.name} ({', '.join(f'{k}={v}' for k, v in shown.items())})" if shown else method.name


def choose(preset: Preset, cache: Path) -> list[Chosen]:
    """Return the methods of a preset, with its parameters.

    Raises:
        UserError: an unknown method or parameter.
    """
    if not preset.method and is_plain():
        known = {each.name: each for each in catalogue(cache)}
        try:
            return [known[name] for name in names(preset.methods, known.values())]
        except LookupError:
            pass  # unknown: the registry has the words for it
    return _created(preset)


def names(patterns: Iterable[str], known: Iterable[Chosen]) -> list[str]:
    """Resolve names and wildcards.

    Raises:
        LookupError: a pattern matches nothing.
    """
    known = list(known)
    aliases = {alias: each.name for each in known for alias in each.aliases}
    return matching(patterns, [each.name for each in known], {each.name for each in known if each.ablation}, aliases)


def is_plain() -> bool:
    """Say whether methods can only be those of the suite: none was imported yet, and no installed package adds any."""
    return "methods.registry" not in sys.modules and not adds_any()


def adds_any() -> bool:
    """Say whether an installed package announces methods or datasets."""
    return any(group.startswith("imbalance_benchmark.") for group in entry_points().groups)


def catalogue(cache: Path) -> list[Chosen]:
    """Return every method of the suite with its default parameters, prefixed ones last."""
    key = [files_digest(("methods", "benchmarks/grid"), (OUTSIDE,))]
    return [Chosen.model_validate(each) for each in remembered(cache, "methods", key, _described)]


def _described() -> list[dict[str, Any]]:
    return [each.model_dump(mode="json") for each in registered()]


def registered() -> list[Chosen]:
    """Return every method that is registered, with its default parameters, prefixed ones last."""
    import methods

    others = methods.aliases()
    return [Chosen.of(methods.create(name), others) for name in [*methods.available(), *methods.prefixed()]]


def _created(preset: Preset) -> list[Chosen]:
    import methods

    try:
        found = methods.expand(preset.methods)
        parameters = {methods.canonical(name): given for name, given in preset.method.items()}
        for name in set(parameters) - set(found):
            methods.get(name)
        return [Chosen.of(methods.create(name, **parameters.get(name, {})), methods.aliases()) for name in found]
    except methods.UnknownMethodError as error:
        raise UserError(str(error)) from error
