"""One look for all figures: colours that colour-blind readers tell apart, with markers and dashes for greyscale."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure

from methods import FAMILIES

PALETTE = ("#000000", "#E69F00", "#0072B2", "#009E73", "#56B4E9", "#CC79A7", "#882255", "#999933", "#D55E00")
"""Okabe and Ito's colours in the order of the families, but yellow, which is lost on white; two are Paul Tol's."""
MARKERS = ("o", "s", "^", "v", "D", "P", "h", "<", "*")
DASHES = (
    "solid",
    (0, (5, 1)),
    (0, (3, 1, 1, 1)),
    (0, (1, 1)),
    (0, (7, 2)),
    (0, (4, 1, 1, 1, 1, 1)),
    (0, (2, 1)),
    (0, (6, 1, 2, 1)),
    "solid",
)
GREY = "#B8B8B8"
RC: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.grid": False,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "text.parse_math": False,  # a name with a dollar sign is a name
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "figure.dpi": 160,
}


@dataclass(frozen=True)
class Look:
    """How one method or family is drawn."""

    colour: str
    marker: str
    dashes: str | tuple[int, tuple[int, ...]]


def look(family: str) -> Look:
    """Return the look of a family, the same in every figure; plug-in families are grey."""
    if family not in FAMILIES:
        return Look("#777777", "X", "dashed")
    place = FAMILIES.index(family)
    return Look(PALETTE[place], MARKERS[place], DASHES[place])


def member_look(place: int) -> Look:
    """Return a look for the n-th method inside one family's panel: colour, marker and dashes never repeat together."""
    colours = PALETTE[1:]
    lap, turn = divmod(place, len(colours))
    return Look(colours[turn], MARKERS[(turn + 2 * lap) % len(MARKERS)], DASHES[(turn + lap) % 6])


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the shared style; the caller's settings come back afterwards."""
    with mpl.rc_context(RC):
        yield


def new_figure(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """Make a figure of this size in inches, without the global state of pyplot."""
    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, folder: Path, name: str, pdf: bool = False) -> list[Path]:
    """Write a figure as PNG, and as PDF where asked; return the files. The same figure gives the same bytes."""
    files = [folder / f"{name}.png", folder / f"{name}.pdf"][: 1 + pdf]
    # The canvases are asked directly: `savefig` would draw each figure twice, and drawing is most of a report's time.
    FigureCanvasAgg(figure).print_png(files[0], metadata={"Software": None})
    if not pdf:
        # one of an older report would be of other records
        (folder / f"{name}.pdf").unlink(missing_ok=True)
        return files
    # The layout is settled by now; solving it once more for the PDF would only cost time.
    figure.set_layout_engine("none")
    FigureCanvasPdf(figure).print_pdf(files[1], metadata={"CreationDate": None, "Producer": None, "Creator": None})
    return files
