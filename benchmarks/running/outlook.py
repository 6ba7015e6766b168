"""What a plan comes to, in words and as a table."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.table import Table

from benchmarks.commands.terminal import cell, say
from benchmarks.grid.cells import Cell
from benchmarks.running.planning import Plan
from benchmarks.running.progress import duration
from benchmarks.running.promise import promise
from datasets.hints import counted


def show(plan: Plan, console: Console) -> None:
    """Print the grid, what is done, what is to do, and an estimate."""
    cells = plan.grid.cells
    status = {one.id: plan.known[one.id].status if one.id in plan.known else "to do" for one in cells}
    table = Table("dataset", "protocol", "level", "steps", "methods", "seeds", "done", "failed", "to do", title="Plan")
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for one in cells:
        steps = str(one.settings.budget.steps)
        groups.setdefault((one.dataset, one.level.protocol, one.level.name, steps), []).append(one)
    for key, group in groups.items():
        counts = Counter(status[cell.id] for cell in group)
        sizes = [len({c.label for c in group}), len({c.seed for c in group})]
        table.add_row(*map(cell, key), *(str(n) for n in [*sizes, counts["done"], counts["failed"], counts["to do"]]))
    for skip in plan.grid.skipped:
        table.add_row(cell(skip.dataset), skip.level.protocol, skip.level.name, "", cell(f"skipped: {skip.reason}"))
    console.print(table)
    for name, reason in plan.missing.items():
        say(console, f"not available here: {name}: {reason}")
    show_notes(plan, console)
    say(console, outlook(plan, console))


def show_notes(plan: Plan, console: Console) -> None:
    """Print what is known of the users' own images."""
    for name, notes in plan.grid.notes.items():
        for note in notes:
            say(console, f"{name}: {note}")


def outlook(plan: Plan, console: Console | None = None) -> str:
    """Say what is done, what is to do, how long that will take, and what the time is taken from.

    Args:
        plan: the plan.
        console: where to say that steps are timed; None: none are, which takes time from the run.
    """
    todo, total = plan.todo, counted(len(plan.grid.cells), "cell")
    if not todo:
        return f"{total}, none to do"
    seconds, basis = promise(plan, console is not None, lambda said: say(console, said) if console else None)
    workers = 1 if plan.request.scheduler else min(max(1, plan.workers), len(todo))
    return (
        f"{total}, {len(todo)} to do: about {duration(seconds)} on {counted(workers, 'worker')}, preparation included "
        f"({basis})"
    )
