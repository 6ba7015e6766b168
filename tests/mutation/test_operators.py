"""The mutants of a piece of code are those that one would make by hand."""

from __future__ import annotations

import ast

from tests.mutation.operators import mutants

SOURCE = '''
"""Text stays."""
from __future__ import annotations

LIMIT: int = 3

def rate(step: int, warmup: float = 0.5) -> float:
    """Say how fast, up to 1."""
    if step < LIMIT and not warmup:
        raise ValueError(f"{step + 1} of {LIMIT}: {'too' if step else 'few'}")
    total = [x * 2 for x in range(step) if x != 4]
    total.sort(reverse=True)
    return -total[0]
'''

CHANGES = {
    ("", "3  ->  4"),
    ("rate", "0.5  ->  1.0"),
    ("rate", "if step < LIMIT and (not warmup):  ->  if not (step < LIMIT and (not warmup)):"),
    ("rate", "step < LIMIT and (not warmup)  ->  step < LIMIT or not warmup"),
    ("rate", "step < LIMIT  ->  step <= LIMIT"),
    ("rate", "not warmup  ->  warmup"),
    ("rate", "raise ValueError(f\"{step + 1} of {LIMIT}: {('too' if step else 'few')}\")  ->  pass"),
    ("rate", "x * 2  ->  x / 2"),
    ("rate", "2  ->  3"),
    ("rate", "for x in range(step) if x != 4  ->  for x in range(step)"),
    ("rate", "x != 4  ->  x == 4"),
    ("rate", "4  ->  5"),
    ("rate", "total.sort(reverse=True)  ->  pass"),
    ("rate", "total.sort(reverse=True)  ->  total.sort()"),
    ("rate", "True  ->  False"),
    ("rate", "return -total[0]  ->  return None"),
    ("rate", "-total[0]  ->  total[0]"),
    ("rate", "0  ->  1"),
}


def test_every_change_is_made_once_and_text_types_and_messages_are_left_alone() -> None:
    made = [(mutant.scope, mutant.change) for mutant in mutants(SOURCE)]
    assert sorted(made) == sorted(CHANGES)


def test_a_mutant_differs_from_the_code_and_compiles() -> None:
    sources = [ast.unparse(mutant.tree) for mutant in mutants(SOURCE)]
    assert len({*sources, ast.unparse(ast.parse(SOURCE))}) == len(CHANGES) + 1
    for mutant in mutants(SOURCE):
        compile(mutant.tree, "mutant", "exec")


def test_changes_that_read_alike_are_told_apart() -> None:
    names = [mutant.change for mutant in mutants("x = 1\ny = 1\n")]
    assert names == ["1  ->  2", "1  ->  2  (no. 2)"]
