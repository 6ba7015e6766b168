"""The page of all methods is what the registry and the bibliography say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import methods
from benchmarks import catalogue

DOCS = Path(__file__).parents[2] / "docs"
ENTRIES = catalogue.bibliography((DOCS / "references.bib").read_text())


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the methods that plug-ins of other tests have registered."""
    names = [name for name in methods.available() if methods.get(name).__module__.startswith("methods.")]
    monkeypatch.setattr(methods, "available", lambda: names)


@pytest.mark.usefixtures("ours")
def test_the_page_is_up_to_date() -> None:
    assert (DOCS / "methods.md").read_text() == catalogue.page(ENTRIES), "run: make docs"


@pytest.mark.usefixtures("ours")
def test_every_source_is_in_the_bibliography_and_nothing_else_is() -> None:
    cited = {key for name in methods.available() for key in catalogue.cited(methods.get(name).reference)}
    assert cited == {key for key, entry in ENTRIES.items() if "annote" not in entry}


def test_every_method_names_a_publication_or_is_plain_cross_entropy() -> None:
    without = {name for name in methods.available() if not re.search(r"\d{4}", methods.get(name).reference)}
    assert without == {"cross-entropy"}


@pytest.mark.parametrize("key", ENTRIES)
def test_an_entry_says_who_what_where_and_how_to_find_it(key: str) -> None:
    entry = ENTRIES[key]
    first = entry["author"].split(" and ")[0].partition(",")[0]
    assert re.fullmatch(f"{first.lower().replace('-', '')}{entry['year']}[a-z]?", key)
    assert entry["title"]
    assert entry["howpublished"]
    assert re.fullmatch(r"10\.\d{4,}/\S+", entry["doi"]) if "doi" in entry else entry["url"].startswith("https://")
    assert "annote" not in entry or int(entry["year"]) >= 2021


@pytest.mark.parametrize(
    ("name", "hooks"),
    [
        ("oversampling", ["sampling"]),
        ("focal", ["criterion"]),
        ("posthoc-logit-adjustment", ["adjust"]),
        ("sqrt-sampling", ["sampling"]),
        ("ldam-drw", ["network", "criterion", "adjust"]),
    ],
)
def test_the_hooks_of_a_method_are_those_that_its_class_defines(name: str, hooks: list[str]) -> None:
    assert catalogue.hooks(methods.get(name)) == hooks


def test_a_source_names_its_publications() -> None:
    assert catalogue.cited("Foret et al. 2021, Rangwani et al. 2022") == ["foret2021", "rangwani2022"]
    assert catalogue.cited("Ali-Gombe & Elyan 2019 (MFC-GAN)") == ["aligombe2019"]
    assert catalogue.cited("-") == []
