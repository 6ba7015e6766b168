"""Read result folders: merge them, compare what is there twice, remember what was asked for."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.records.asked import Asked
from benchmarks.records.store import Damaged, Record, Store
from benchmarks.report.data.frame import row, shared, short, to_frame
from benchmarks.report.data.names import BETWEEN, variant
from datasets import UserError

LOG = logging.getLogger(__name__)
Parts = dict[str, dict[str, Any]]
"""Settings as `benchmarks.report.data.frame.shared` returns them."""


@dataclass
class Collection:
    """The records of some folders, merged.

    Attributes:
        frame: one row a cell, see `benchmarks.report.data.frame.COLUMNS`.
        grids: what was asked for, over all folders.
        problems: what a reader has to know: files left out, cells that differ between folders, settings that differ.
        folders: where it was read from.
        main: gradient steps and backbone of most cells; comparisons of others are named after theirs.
    """

    frame: pd.DataFrame
    grids: list[Asked] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    main: tuple[int, str] = (0, "")


def load(*folders: str | Path) -> pd.DataFrame:
    """Read the records of one or several result folders as a tidy frame, one row a cell.

    The columns are described in `benchmarks.report.COLUMNS`. A cell that several folders hold is kept once; where its
    metrics or data differ between them, that is logged as a warning and listed in `frame.attrs["problems"]`.

    Raises:
        UserError: a folder is missing or holds no records that can be used.
    """
    collection = collect([Path(folder) for folder in folders])
    collection.frame.attrs["problems"] = collection.problems
    for problem in collection.problems:
        LOG.warning(problem)
    return collection.frame


def collect(folders: Sequence[Path]) -> Collection:
    """Read and merge result folders.

    Raises:
        UserError: a folder is missing, or there are no records that can be used at all.
    """
    rows: dict[str, dict[str, Any]] = {}
    parts: dict[str, Parts] = {}
    problems: list[str] = []
    damaged: list[Damaged] = []
    for folder in folders:
        for record in _records(folder, damaged):
            new = row(record, str(folder))
            if new["settings"] not in parts:
                parts[new["settings"]] = shared(record.cell)
            known = rows.get(record.id)
            if known is not None:
                problems += _differences(known, new)
            # A finished cell says more than the same cell failed elsewhere.
            if known is None or (known["status"] == "failed" and new["status"] == "done"):
                rows[record.id] = new
    grids = _grids(folders, damaged)
    problems += [f"left out: {one}" for one in damaged]
    if not rows:
        if damaged:
            raise UserError("; ".join(map(str, damaged)))
        names = ", ".join(map(str, folders)) or "no folder named"
        raise UserError(f"no records in {names}; run `python -m benchmarks.run` first, or name a folder with --results")
    frame = to_frame(list(rows.values()))
    main = _main(frame)
    apart = [variant(*own, main) for own in zip(frame["budget"], frame["backbone"], strict=True)]
    frame = frame.assign(comparison=frame["comparison"] + apart)
    frame, images = _separate_images(frame)
    frame, notes = _separate_settings(frame, parts)
    return Collection(frame, grids, problems + images + notes, list(folders), main)


def _main(frame: pd.DataFrame) -> tuple[int, str]:
    """Return steps and backbone of most cells; of equals, the fewer steps."""
    transferred = frame[frame["backbone"].ne("")]
    each = (transferred if len(transferred) else frame)[["budget", "backbone"]].value_counts().reset_index()
    first = each.sort_values(["count", "budget", "backbone"], ascending=[False, True, True]).iloc[0]
    return int(first["budget"]), str(first["backbone"])


def only(collection: Collection, wildcards: Sequence[str]) -> Collection:
    """Keep the methods whose label or name fits one of these wildcards; all where there are none.

    Raises:
        UserError: none fits.
    """
    if not wildcards:
        return collection
    frame = collection.frame

    def fits(*names: str) -> bool:
        return any(fnmatchcase(name, wildcard) for name in names for wildcard in wildcards)

    kept = frame[[fits(label, method) for label, method in zip(frame["label"], frame["method"], strict=True)]]
    if kept.empty:
        raise UserError(
            f"--methods {','.join(wildcards)}: no method matches; there are: {', '.join(sorted(set(frame['label'])))}"
        )
    grids = [
        grid.model_copy(update={"cells": tuple(cell for cell in grid.cells if fits(cell.label, cell.method))})
        for grid in collection.grids
    ]
    return replace(collection, frame=kept.reset_index(drop=True), grids=grids)


def _records(folder: Path, damaged: list[Damaged]) -> Iterator[Record]:
    if not folder.is_dir():
        raise UserError(
            f"results folder {folder} does not exist; run `python -m benchmarks.run` first, or name another"
        )
    return Store(folder).records(damaged)


def _differences(known: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Say what differs between two records of one cell, timings and environments aside."""
    where = f"cell {known['id']} ({known['label']}, {known['dataset']}, seed {known['seed']})"
    if known["status"] != new["status"]:
        return [f"{where} is {known['status']} in {known['folder']} but {new['status']} in {new['folder']}"]
    names = ("train_hash", "test_hash", "counts", "accuracy", "macro_f1", "mcc", "ece", "recall", "confusion")
    different = [name for name in names if _plain(known[name]) != _plain(new[name])]
    if not different:
        return []
    return [
        f"{where} differs between {known['folder']} and {new['folder']} in {', '.join(different)}; the first is shown"
    ]


def _plain(value: Any) -> str:
    return json.dumps(value.tolist() if hasattr(value, "tolist") else value)


def _separate_images(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Never average over different images under one dataset's name and settings: the rarer stand apart."""
    notes, names = [], frame["dataset"].copy()
    known = frame[frame["content"].ne("")]
    for (dataset, _), group in known.groupby(["dataset", "spec"], sort=False):
        contents = group["content"].value_counts()
        if len(contents) > 1:
            rare = group.index[group["content"].ne(contents.index[0])]
            names[rare] = f"{dataset} [images " + group.loc[rare, "content"].str[:8] + "]"
            notes.append(f"{dataset}: its records come from {len(contents)} sets of images, which are shown separately")
    return frame.assign(dataset=names), notes


def _separate_settings(frame: pd.DataFrame, parts: dict[str, Parts]) -> tuple[pd.DataFrame, list[str]]:
    """Never average over runs of different settings: where one point has several, the rarer settings stand apart."""
    notes, names = [], frame["dataset"].copy()
    point = ["comparison", "dataset", "protocol", "level", "label", "seed"]
    base = frame["comparison"].str.partition(BETWEEN)[0]
    for (dataset, _), group in frame.groupby(["dataset", base], sort=False):
        known = _completed(group["settings"], parts)
        settings = known.value_counts()
        if len(settings) == 1:
            continue
        differ = _differing([parts[name] for name in group["settings"].unique()])
        if group.duplicated(point).any():
            notes.append(
                f"{dataset}: records of {len(settings)} different settings are shown apart, never averaged: {differ}"
            )
            rare = known.ne(settings.index[0])
            names[group.index[rare]] = f"{dataset} [settings " + known[rare].map(short) + "]"
        else:
            notes.append(f"{dataset}: methods compared here were run with different settings, {differ}")
    frame = frame.assign(dataset=names)
    twice = frame.duplicated(point)
    if twice.any():
        labels = ", ".join(sorted(set(frame.loc[twice, "label"])))
        notes.append(
            f"{int(twice.sum())} cells repeat another one of the same name and seed ({labels}); the first is shown"
        )
    return frame[~twice].reset_index(drop=True), notes


def _completed(settings: pd.Series, parts: dict[str, Parts]) -> pd.Series:
    """Give every cell the parts that it does not have (a backbone, another head) as most of the others have them."""
    written = {name: {part: json.dumps(value) for part, value in parts[name].items()} for name in settings.unique()}
    counts = settings.value_counts(ascending=True)
    usual = {part: value for name in counts.index for part, value in written[name].items()}
    return settings.map({name: json.dumps({**usual, **own}, sort_keys=True) for name, own in written.items()})


def _differing(found: Sequence[Parts]) -> str:
    """Name what differs, with its values."""
    values: dict[str, dict[str, None]] = {}
    for parts in found:
        for part, value in parts.items():
            for name, each in _flat(value, part and f"{part}: "):
                values.setdefault(name, {})[each] = None
    return "; ".join(f"{name} ({', '.join(each)})" for name, each in values.items() if len(each) > 1)


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict):
        yield name.removesuffix("."), json.dumps(value)
        return
    for key, each in value.items():
        yield from _flat(each, f"{name}{key}.")


def _grids(folders: Sequence[Path], damaged: list[Damaged]) -> list[Asked]:
    found = [asked for folder in folders for asked in Store(folder).grids(damaged)]
    return list({asked.model_dump_json(): asked for asked in found}.values())
