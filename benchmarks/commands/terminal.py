"""Text from outside on its way to a terminal: nothing in it is taken for a command."""

from __future__ import annotations

import logging
import os
import sys
import unicodedata

from rich.console import Console
from rich.text import Text


def plain(text: str) -> str:
    """Write what a terminal would act on, or cannot show, as an escape: control characters, ESC, text direction.

    Line ends stay.
    """
    return "".join(_escape(character) if _acts(character) else character for character in text)


def _acts(character: str) -> bool:
    return character != "\n" and not character.isprintable() and unicodedata.category(character) in ("Cc", "Cf", "Cs")


def _escape(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte of a name that is not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def say(console: Console, text: str) -> None:
    """Print a line as it is: names may hold brackets, and a file or pager wraps lines better than we can."""
    console.print(plain(text), markup=False, highlight=False, soft_wrap=True)


def cell(text: str) -> Text:
    """Return a cell of a table that is shown as it is: names may hold what looks like markup."""
    return Text(plain(text))


class Screen(Console):
    """A console that leaves it to the command to end when nobody reads any more."""

    def on_broken_pipe(self) -> None:
        """Say so to whoever prints; Rich would end the process as if cells had failed."""
        raise BrokenPipeError


def standard_streams() -> None:
    """Give a process that was started without them somewhere to write to."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - open until the process ends
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115


class PlainFormatter(logging.Formatter):
    """Messages of loggers, one line each, harmless."""

    def format(self, record: logging.LogRecord) -> str:
        """Write level and message."""
        return plain(" ".join(f"{record.levelname.lower()}: {record.getMessage()}".split()))


def show_warnings() -> None:
    """Let loggers say what a user should know on standard error, once."""
    standard_streams()
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
