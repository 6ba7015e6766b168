"""One look for all figures: colours that colour-blind readers tell apart, with markers and dashes for greyscale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure

from benchmarks.report.data.names import FUSION, PROPOSED
from benchmarks.report.figures.names import fonts
from methods.families import FAMILIES

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
FUSION_LOOK = ("#785EF0", "X", (0, (8, 1, 1, 1)))
"""Of the suite's own method, which stands in one family with the paper's; IBM's colour-blind safe purple."""
GREY = "#B8B8B8"
SINGLE, DOUBLE = 3.3, 6.9
"""Inches: a figure over one column of a paper, and over two. Nothing is scaled when it is placed."""
RC: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.grid": False,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "text.parse_math": False,  # a name with a dollar sign is a name
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "figure.dpi": 160,
}


@dataclass(frozen=True)
class Layout:
    """How figures are laid out.

    Attributes:
        columns: of a paper, 1 or 2.
        top: so many methods at most.
        pdf: whether each is written as PDF, too.
    """

    columns: int = 1
    top: int = 12
    pdf: bool = False

    @property
    def width(self) -> float:
        """Inches."""
        return SINGLE if self.columns == 1 else DOUBLE


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


def look_of(label: str, family: str) -> Look:
    """Return the look of a method among the best of each family: its family's, but for the suite's own."""
    return Look(*FUSION_LOOK) if label == FUSION else look(family)


def looks(labels: Sequence[str], families: Mapping[str, str], standing: Sequence[str]) -> dict[str, Look]:
    """Give several methods of a family room in one figure, and who stands for the family the look that it has in all.

    Args:
        labels: what is drawn.
        families: family by method.
        standing: who keeps the look of `look_of`; the others go round the cycle, in colours that none of these has as
            long as there are any, and never in another's colour and marker.
    """
    found = {label: look_of(label, families[label]) for label in labels if label in standing}
    cycle = map(member_look, count())
    for label in labels:
        if label in found:
            continue
        colours, pairs = ({each.colour for each in found.values()}, {(x.colour, x.marker) for x in found.values()})
        fresh = set(PALETTE[1:]) - colours
        found[label] = next(x for x in cycle if (x.colour in fresh if fresh else (x.colour, x.marker) not in pairs))
    return found


def standing(labels: Sequence[str], families: Mapping[str, str], control: str) -> list[str]:
    """Name the first of each family, but the control and the paper's method before any other, and the suite's own."""
    first: dict[str, str] = {}
    for label in sorted(labels, key=lambda label: label not in (control, PROPOSED)):
        first.setdefault(label if label == FUSION else families[label], label)
    return list(first.values())


def below(figure: Figure, axes: Axes, layout: Layout, title: str | None = None) -> None:
    """Put the legend below, as many columns of names as the width takes."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower left",
        ncols=min(len(labels), 2 * layout.columns),
        title=title,
        alignment="left",
        borderpad=0.0,
        handlelength=2.2,
        columnspacing=1.0,
        labelspacing=0.3,
    )


def member_look(place: int) -> Look:
    """Return a look for the n-th method inside one family's panel: colour, marker and dashes never repeat together."""
    colours = PALETTE[1:]
    lap, turn = divmod(place, len(colours))
    return Look(colours[turn], MARKERS[(turn + 2 * lap) % len(MARKERS)], DASHES[(turn + lap) % 6])


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the shared style; the caller's settings come back afterwards."""
    with mpl.rc_context({**RC, "font.sans-serif": fonts()}):
        yield


def new_figure(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """Make a figure of this size in inches, without the global state of pyplot."""
    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, folder: Path, name: str, pdf: bool = False) -> list[Path]:
    """Write a figure as PNG, and as PDF where asked; return the files. The same figure gives the same bytes."""
    files = [folder / f"{name}.png", folder / f"{name}.pdf"][: 1 + pdf]
    for axes in figure.axes:
        if axes.images:
            # numbers in the cells of a map stay inside it: the layout need not measure each of them
            for text in axes.texts:
                text.set_in_layout(False)
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
