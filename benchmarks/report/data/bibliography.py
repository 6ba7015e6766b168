"""The publications that methods name as their source."""

from __future__ import annotations

import re

ENTRY = re.compile(r"^@\w+\{(?P<key>\w+),\n(?P<fields>.*?)^\}", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"^  (\w+) = \{(.*)\},$", re.MULTILINE)
CITED = re.compile(r"([A-Z][\w-]+)(?: et al\.| & [A-Z][\w-]+)? (\d{4})")

Entry = dict[str, str]


def bibliography(text: str) -> dict[str, Entry]:
    """Return the fields of every entry of a BibTeX file that has a field on each line."""
    return {entry["key"]: dict(FIELD.findall(entry["fields"])) for entry in ENTRY.finditer(text)}


def cited(source: str) -> list[str]:
    """Return the keys of the publications in a method's source, such as `Cui et al. 2019`."""
    return [name.lower().replace("-", "") + year for name, year in CITED.findall(source)]
