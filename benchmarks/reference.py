"""Turn a run into a reference small enough to be kept: `python -m benchmarks.reference RUN OUT`.

Everything the report makes, the merged records among it, and the commands and environment behind them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.commands.ending import ending
from benchmarks.records.asked import without_folders
from benchmarks.records.files import write_atomic
from benchmarks.report.data.loading import Collection
from datasets.hints import counted


def write(run: Path, out: Path) -> int:
    """Write the reference of a run; returns 0.

    Args:
        run: a results folder.
        out: where to write; what a reference wrote there before is replaced.

    Raises:
        UserError: the run holds no records, or `out` cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    collection = report.build([run], out).collection
    write_atomic(out / "README.md", lambda file: file.write(about(collection).encode()))
    return 0


def about(collection: Collection) -> str:
    """Say which commands made the records, on what, and what each file is."""
    environments: dict[str, int] = {}
    for text, count in collection.frame["environment"].value_counts(sort=False).items():
        kept = {k: v for k, v in json.loads(str(text)).items() if k not in ("platform", "revision")}
        key = json.dumps(kept, sort_keys=True)
        environments[key] = environments.get(key, 0) + int(count)
    commands = "\n".join(without_folders(grid.command, collection.folders) for grid in collection.grids)
    places = "\n".join(f"- {counted(count, 'cell')}: {_plain(json.loads(key))}" for key, count in environments.items())
    return (
        "# Reference results\n\n"
        f"{counted(len(collection.frame), 'cell')}, made by\n\n```\n{commands}\n```\n\non\n\n{places}\n\n"
        "`records.csv.gz` holds all records as one table (`pandas.read_csv` reads it), `claims.md` the paper's claims\n"
        "beside what was measured, `summary.md` the advice in plain words, `statistics.md` the tests, `tables/` and\n"
        "`figures/` what goes into a paper, `report.html` all of it to explore in a browser.\n"
    )


def _plain(environment: dict[str, object]) -> str:
    versions = environment.pop("versions", {})
    assert isinstance(versions, dict)
    places = [f"{key} {value}" for key, value in environment.items() if value]
    return ", ".join([*places, *(f"{key} {value}" for key, value in versions.items())])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reference", description=__doc__)
    parser.add_argument("run", type=Path, help="results folder of the runs")
    parser.add_argument("out", type=Path, help="folder to write the reference to")
    options = parser.parse_args(arguments)
    return ending(
        lambda: write(options.run, options.out), "stopped; the files of the reference may come from different records"
    )


if __name__ == "__main__":
    sys.exit(main())
