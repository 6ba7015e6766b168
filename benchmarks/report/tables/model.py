"""What a table is, before it is written as Markdown, LaTeX or CSV."""

from __future__ import annotations

from dataclasses import dataclass, field

BEST = "Best in bold, second underlined; means that are shown alike are ties and share the mark."
RULE = (
    f"Mean ± standard deviation over seeds. {BEST} Only methods with all seeds are marked. (n/m): over n of m seeds. "
    "Average and average rank: over all columns, for methods that have them all. No decimal where chance moves most "
    "entries by more than a point to either side."
)


@dataclass(frozen=True)
class Entry:
    """One cell of a table: text, an optional standard deviation and remark, and its mark."""

    mean: str
    sd: str = ""
    remark: str = ""
    mark: str = ""
    """`best`, `second` or nothing."""

    @property
    def plain(self) -> str:
        """The entry without any markup."""
        text = f"{self.mean} ± {self.sd}" if self.sd else self.mean
        return f"{text} ({self.remark})" if self.remark else text


Groups = list[tuple[str, list[tuple[str, list[Entry]]]]]
"""Families in order, each with its methods and their entries."""


@dataclass
class Table:
    """A table of methods, grouped by family."""

    name: str
    caption: str
    columns: list[str]
    groups: Groups
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> list[tuple[str, str, list[Entry]]]:
        """Rows as (family, method, entries)."""
        return [(family, label, entries) for family, rows in self.groups for label, entries in rows]
