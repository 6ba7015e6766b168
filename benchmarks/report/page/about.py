"""What each method is and where it comes from, for the page's entries."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from benchmarks.report.data.bibliography import bibliography, cited
from benchmarks.report.data.names import family_order
from benchmarks.report.data.words import method_title

BIBLIOGRAPHY = Path(__file__).parents[3] / "docs" / "references.bib"
Link = tuple[str, str]
"""Title and address."""


@dataclass(frozen=True)
class About:
    """A method's entry.

    Attributes:
        place: of its label among those of the page's data; the entry's anchor.
        label: the name that one types.
        title: the name in words.
        family: of methods.
        what: what it does, in a sentence or two.
        source: who published it.
        links: the publications.
    """

    place: int
    label: str
    title: str
    family: str
    what: str
    source: str
    links: list[Link]


def entries(table: pd.DataFrame) -> list[About]:
    """Describe every method of some points, family by family; one that is not registered here by name only."""
    labels = list(dict.fromkeys(table["label"]))
    families = table.drop_duplicates("label").set_index("label")["family"]
    found = [_entry(place, str(label), str(families[label])) for place, label in enumerate(labels)]
    return sorted(found, key=lambda each: (family_order(each.family), each.family))


def _entry(place: int, label: str, family: str) -> About:
    what, source, links = _known(label.split(" (", 1)[0])
    return About(place, label, method_title(label), family, what, source, links)


@cache
def _known(name: str) -> tuple[str, str, list[Link]]:
    import methods

    try:
        cls = methods.get(name)
    except (ValueError, AttributeError, ImportError):
        return "", "", []
    text = inspect.cleandoc(cls.__doc__ or "").split("\n\n", 1)[0].replace("\n", " ")
    return text, "" if cls.reference == "-" else cls.reference, _links(cls.reference)


def _links(reference: str) -> list[Link]:
    """Return the publications that a method's source cites; none where the bibliography is not there."""
    known = _bibliography()
    found = [known[key] for key in cited(reference) if key in known]
    addresses = [f"https://doi.org/{entry['doi']}" if "doi" in entry else entry.get("url", "") for entry in found]
    return [
        (entry["title"], address) for entry, address in zip(found, addresses, strict=True) if address[:8] == "https://"
    ]


@cache
def _bibliography() -> dict[str, dict[str, str]]:
    return bibliography(BIBLIOGRAPHY.read_text(encoding="utf-8")) if BIBLIOGRAPHY.is_file() else {}
