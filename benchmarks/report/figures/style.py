"""One look for all figures: colours that colour-blind readers tell apart, with markers and dashes for greyscale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from benchmarks.report.data.names import FUSION, PROPOSED
from benchmarks.report.figures.names import fonts
from methods.families import FAMILIES

PALETTE = ("#000000", "#E69F00", "#0072B2", "#009E73", "#56B4E9", "#CC79A7", "#882255", "#999933", "#D55E00")
"""Okabe and Ito's colours in the order of the families, but yellow, which is lost on white; two are Paul Tol's."""
MARKERS = ("o", "s", "^", "v", "D", "P", ">", "<", "*")
DASHES: tuple[str | tuple[int, tuple[int, ...]], ...] = (
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
MORE_MARKERS = (*MARKERS, "X", "d", "p", "h")
"""Of who stands for no family, where a figure has many of them; the last look like a circle."""
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
        standing: who keeps the look of `look_of`; each other takes the marker that the fewest have, then a colour and
            dashes that the fewest have beside it: markers are all that is left in grey.
    """
    found = {label: look_of(label, families[label]) for label in labels if label in standing}
    for label in labels:
        if label not in found:
            found[label] = _fresh(list(found.values()))
    return found


def _fresh(taken: Sequence[Look]) -> Look:
    marker = min(MORE_MARKERS, key=[each.marker for each in taken].count)

    def used(part: str, value: object) -> int:
        return sum(1 + len(taken) * (each.marker == marker) for each in taken if getattr(each, part) == value)

    return Look(min(PALETTE[1:], key=partial(used, "colour")), marker, min(DASHES[:-1], key=partial(used, "dashes")))


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
        handlelength=2.6,
        columnspacing=1.0,
        labelspacing=0.3,
    )


def ticks(most: int | Literal["auto"] = "auto") -> MaxNLocator:
    """Return a locator of so many round numbers at most, without decimals of its own such as 2.5."""
    return MaxNLocator(most, steps=[1, 2, 5, 10])


def cell_texts(axes: Axes, image: AxesImage, texts: np.ndarray) -> None:
    """Write a text into each cell of a map, black or white, whichever stands out more from the cell (WCAG 2.2)."""
    colours = image.to_rgba(np.asarray(image.get_array()))[..., :3]
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    # where both contrasts are alike: (1.05 / (y + .05)) = (y + .05) / .05
    dark = linear @ [0.2126, 0.7152, 0.0722] < (1.05 * 0.05) ** 0.5 - 0.05
    for (row, column), text in np.ndenumerate(texts):
        colour = "white" if dark[row, column] else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)


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
