"""What a mutant changes: one node of a module's syntax tree."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.RShift: ast.LShift,
    ast.LShift: ast.RShift,
}


@dataclass(frozen=True)
class Mutant:
    """One changed module.

    Attributes:
        line: of the change.
        scope: dotted name of the function or class around it.
        change: the source before and after, in one line; with the scope it names the mutant whatever its line.
        tree: the changed module.
    """

    line: int
    scope: str
    change: str
    tree: ast.Module


def mutants(source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module, in order of its lines.

    Left alone: docstrings and other text, annotations, decorators, assertions, what only a type checker reads, and the
    messages of errors.
    """
    module = ast.parse(source)
    sites = list(_sites(module, ""))
    seen: set[tuple[str, str]] = set()
    for position, (node, scope) in enumerate(sites):
        for change in CHANGES:
            for number in range(change.variants(node)):
                tree = copy.deepcopy(module)
                twin = list(_sites(tree, ""))[position][0]
                before = _text(node)
                new = change.apply(twin, number)
                after = _text(new)
                if new is not twin:
                    _replace(tree, twin, new)
                name = _unique(scope, f"{before}  ->  {after}", seen)
                yield Mutant(_line(node), scope, name, ast.fix_missing_locations(tree))


def _line(node: ast.AST) -> int:
    return next(int(part.lineno) for part in ast.walk(node) if hasattr(part, "lineno"))


def _unique(scope: str, change: str, seen: set[tuple[str, str]]) -> str:
    """Number changes that read alike within one scope."""
    number, name = 1, change
    while (scope, name) in seen:
        number += 1
        name = f"{change}  (no. {number})"
    seen.add((scope, name))
    return name


def _text(node: ast.AST) -> str:
    text = ast.unparse(ast.fix_missing_locations(copy.deepcopy(node)))
    return " ".join(text.split("\n", 1)[0].split())


def _sites(node: ast.AST, scope: str) -> Iterator[tuple[ast.AST, str]]:
    """Yield the nodes that may change, with the scope that they stand in."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "type_comment", "type_params"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _left_alone(child):
                continue
            inner = scope
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                inner = f"{scope}.{child.name}" if scope else child.name
            yield child, inner
            if not isinstance(child, ast.Raise):
                yield from _sites(child, inner)


def _left_alone(node: ast.AST) -> bool:
    if isinstance(node, ast.If) and _text(node.test) == "TYPE_CHECKING":
        return True
    if isinstance(node, ast.Assign) and _text(node.targets[0]) in {"__all__", "search_space"}:
        return True
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript | ast.Name):  # the alias of a type
        return _text(node.targets[0])[:1].isupper()
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return text or isinstance(node, ast.Assert | ast.Import | ast.ImportFrom | ast.JoinedStr)


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list) and any(item is old for item in value):
                value[:] = [new if item is old else item for item in value]


@dataclass(frozen=True)
class Change:
    """A kind of change: how many ways there are to make it on a node, and the changed node (edited in place or new)."""

    variants: Callable[[ast.AST], int]
    apply: Callable[[ast.AST, int], ast.AST]


def _comparison(node: ast.AST, number: int) -> ast.AST:
    assert isinstance(node, ast.Compare)
    node.ops[number] = COMPARISONS[type(node.ops[number])]()
    return node


def _arithmetic(node: ast.AST, number: int) -> ast.AST:
    assert isinstance(node, ast.BinOp | ast.AugAssign)
    node.op = ARITHMETIC[type(node.op)]()
    return node


def _boolean(node: ast.AST, number: int) -> ast.AST:
    if isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return node
    assert isinstance(node, ast.UnaryOp)
    return node.operand


def _condition(node: ast.AST, number: int) -> ast.AST:
    assert isinstance(node, ast.If | ast.IfExp | ast.While)
    node.test = ast.UnaryOp(ast.Not(), node.test)
    return node


def _constant(node: ast.AST, number: int) -> ast.AST:
    assert isinstance(node, ast.Constant)
    if isinstance(node.value, bool):
        return ast.Constant(not node.value)
    if isinstance(node.value, int):
        return ast.Constant(node.value + 1)
    assert isinstance(node.value, float)
    return ast.Constant(node.value * 2 or 1.0)


def _statement(node: ast.AST, number: int) -> ast.AST:
    return ast.Pass()


def _return(node: ast.AST, number: int) -> ast.AST:
    return ast.Return(ast.Constant(None))


def _keyword(node: ast.AST, number: int) -> ast.AST:
    assert isinstance(node, ast.Call)
    node.keywords.remove([keyword for keyword in node.keywords if keyword.arg][number])
    return node


def _filter(node: ast.AST, number: int) -> ast.AST:
    assert isinstance(node, ast.comprehension)
    del node.ifs[number]
    return node


def _is_statement(node: ast.AST) -> bool:
    """Say whether a statement can go without a name going missing."""
    stored = isinstance(node, ast.Assign) and all(isinstance(t, ast.Attribute | ast.Subscript) for t in node.targets)
    called = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.YieldFrom)
    return stored or called or isinstance(node, ast.AugAssign | ast.Raise | ast.Continue | ast.Break)


def _is_return(node: ast.AST) -> bool:
    return isinstance(node, ast.Return) and node.value is not None and _text(node.value) != "None"


CHANGES = (
    Change(lambda n: len(n.ops) if isinstance(n, ast.Compare) else 0, _comparison),
    Change(lambda n: isinstance(n, ast.BinOp | ast.AugAssign) and type(n.op) in ARITHMETIC, _arithmetic),
    Change(lambda n: isinstance(n, ast.BoolOp | ast.UnaryOp) and not _negative_number(n), _boolean),
    Change(lambda n: isinstance(n, ast.If | ast.IfExp | ast.While), _condition),
    Change(lambda n: isinstance(n, ast.Constant) and isinstance(n.value, bool | int | float), _constant),
    Change(_is_statement, _statement),
    Change(_is_return, _return),
    Change(lambda n: sum(bool(k.arg) for k in n.keywords) if isinstance(n, ast.Call) else 0, _keyword),
    Change(lambda n: len(n.ifs) if isinstance(n, ast.comprehension) else 0, _filter),
)


def _negative_number(node: ast.AST) -> bool:
    """Say whether this is a literal such as -1, whose number is changed already."""
    return isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)
