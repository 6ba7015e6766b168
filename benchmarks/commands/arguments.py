"""Arguments that several commands take; each means the same everywhere. Use as `ArgumentParser(parents=[...])`."""

from __future__ import annotations

import argparse
from pathlib import Path

RESULTS = Path("results/run")


def grid() -> argparse.ArgumentParser:
    """Return the arguments that say which cells: settings, methods and the values of every axis."""
    p = argparse.ArgumentParser(add_help=False)
    what = p.add_argument_group("what to run")
    what.add_argument("--preset", default="default", metavar="NAME|FILE", help="settings (default: %(default)s)")
    what.add_argument(
        "--method", action="append", metavar="NAME", help="repeatable; wildcards, such as 'imblearn:*SMOTE*'"
    )
    what.add_argument("--ratio", action="append", type=float, metavar="IR", help="repeatable; imbalance ratio")
    what.add_argument("--seed", action="append", type=int, metavar="N", help="repeatable")
    what.add_argument("--protocol", action="append", metavar="NAME", help="step, long-tail, few or natural; repeatable")
    what.add_argument("--minority", metavar="N,N", help="minority images under the protocol few, such as 0,1,3,5,10,20")
    what.add_argument("--steps", action="append", type=int, metavar="N", help="gradient steps of a method; repeatable")
    what.add_argument("--backbone", action="append", metavar="NAME", help="any timm model; repeatable")
    what.add_argument("--comparison", action="append", metavar="NAME", help="as-in-paper or equal-footing; repeatable")
    what.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override one setting, such as budget.steps=300; repeatable",
    )
    what.add_argument(
        "--plugin", action="append", default=[], metavar="FILE", help="a file with methods or datasets of your own"
    )
    return p


def place() -> argparse.ArgumentParser:
    """Return the arguments that say where: device, results, cache."""
    p = argparse.ArgumentParser(add_help=False)
    where = p.add_argument_group("where")
    where.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:i (default: %(default)s)")
    where.add_argument("--results", default=str(RESULTS), metavar="DIR", help="default: %(default)s")
    where.add_argument(
        "--cache", metavar="DIR", help="of decoded images and feature maps (default: ~/.cache/imbalance-benchmark)"
    )
    return p
