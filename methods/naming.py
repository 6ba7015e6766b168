"""Which methods patterns mean, by their names alone."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable, Mapping


def matching(
    patterns: Iterable[str], names: Iterable[str], ablations: Collection[str], aliases: Mapping[str, str]
) -> list[str]:
    """Resolve names and wildcards, each name once.

    Args:
        patterns: names, aliases, or patterns of `*` and `?`; one without a colon matches no prefixed name.
        names: of all methods, in order.
        ablations: those that `*` leaves out.
        aliases: other names, and what each stands for.

    Raises:
        LookupError: a pattern matches nothing; it is the first argument.
    """
    names, found = list(names), dict[str, None]()
    for pattern in (aliases.get(each, each) for each in patterns):
        known = names if ":" in pattern else [name for name in names if ":" not in name]
        matches = [n for n in fnmatch.filter(known, pattern) if pattern != "*" or n not in ablations]
        if not matches:
            raise LookupError(pattern)
        found.update(dict.fromkeys(matches))
    return list(found)
