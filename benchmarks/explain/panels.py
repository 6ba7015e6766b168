"""Figure: the same test images explained by each method, side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from benchmarks.explain.view import View
from benchmarks.report.data.words import method_title
from benchmarks.report.figures.style import PALETTE, new_figure

COLOURS = "viridis"
"""Perceptually uniform, and readable with any colour vision and in grey."""
STRENGTH = 0.6
"""How much of a panel is the map; the rest is the image."""
RIGHT, WRONG = PALETTE[3], PALETTE[6]
PANEL, GAP, LINE = 1.15, 0.08, 0.24
"""Side of a panel, the space to its right, and the line of text below it, in inches."""
LEFT, RIGHT_MARGIN = 0.95, 0.7
"""Room for the images' names and for the colour bar."""


@dataclass(frozen=True)
class Column:
    """What one method makes of the images in the panels.

    Attributes:
        label: display name.
        maps: (K, S, S) float32.
        probabilities: (K, C) of the classes.
    """

    label: str
    maps: np.ndarray
    probabilities: np.ndarray


def panel_figure(view: View, columns: Sequence[Column], title: str) -> Figure:
    """Draw rows of images, columns of methods; the first column is the image itself."""
    heads = ["image", *(_wrapped(column.label) for column in columns)]
    figure, grid = _grid(len(view.shown), heads, title, _legend(view))
    names = view.imageset.index.class_names
    for k, (row, axes) in enumerate(zip(view.shown, grid, strict=True)):
        picture, label = _grey(view.imageset.images[row]), int(view.imageset.labels[row])
        about = textwrap.fill(names[label], 12)
        axes[0].set_ylabel(f"{about}\n(image {row})", rotation=0, ha="right", va="center", labelpad=4)
        for panel in axes:
            panel.imshow(picture, cmap="gray", vmin=0, vmax=1)
        for panel, column in zip(axes[1:], columns, strict=True):
            panel.imshow(scaled(column.maps[k]), cmap=COLOURS, vmin=0, vmax=1, alpha=STRENGTH)
            _verdict(panel, column.probabilities[k], label, int(view.explained[k]))
        for panel in axes:
            _outline(panel, view, k)
    return figure


def _grid(rows: int, heads: Sequence[str], title: str, legend: str) -> tuple[Figure, np.ndarray]:
    """Lay out the panels in inches: left to itself, the layout leaves gaps between square panels."""
    head = 0.35 + 0.14 * max(text.count("\n") + 1 for text in heads)
    width = LEFT + len(heads) * (PANEL + GAP) + RIGHT_MARGIN
    note = textwrap.fill(legend, int(16 * width))
    foot = 0.14 + 0.12 * (note.count("\n") + 1)
    height = head + rows * (PANEL + LINE) + foot
    figure = new_figure(width, height)
    figure.set_layout_engine("none")
    inner = (len(heads) * (PANEL + GAP) - GAP, rows * (PANEL + LINE) - LINE)
    edges = {
        "left": LEFT / width,
        "right": (LEFT + inner[0]) / width,
        "top": 1 - head / height,
        "bottom": 1 - (head + inner[1]) / height,
        "wspace": GAP / PANEL,
        "hspace": LINE / PANEL,
    }
    grid = figure.subplots(rows, len(heads), squeeze=False, gridspec_kw=edges)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for axes, text in zip(grid[0], heads, strict=True):
        axes.set_title(text, fontsize=8)
    tall = min(inner[1], 2.4)
    place = ((LEFT + inner[0] + 0.12) / width, 1 - (head + tall) / height, 0.1 / width, tall / height)
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), COLOURS), cax=figure.add_axes(place), alpha=STRENGTH)
    bar.set_label("Grad-CAM, relative to its maximum")
    bar.outline.set_visible(False)
    figure.text(0.1 / width, 1 - 0.08 / height, title, va="top", fontsize=9)
    figure.text(0.1 / width, 0.08 / height, note, va="bottom", fontsize=8)
    return figure, grid


def scaled(values: np.ndarray) -> np.ndarray:
    """Divide a map by its maximum; one that is all zero stays so."""
    highest = float(values.max())
    return values / highest if highest > 0 else values


def _wrapped(label: str) -> str:
    return textwrap.fill(method_title(label), 14, break_on_hyphens=True)


def _outline(axes: Axes, view: View, k: int) -> None:
    if view.outlines is not None and view.outlines[k].any():
        # dark below light, so that the line is seen on any ground
        for colour, width in (("black", 1.8), ("white", 0.8)):
            axes.contour(view.outlines[k], levels=[0.5], colors=colour, linewidths=width)


def _verdict(axes: Axes, probabilities: np.ndarray, label: int, explained: int) -> None:
    """Write the probability of the class explained, and whether the method is right: in a word, a sign, a colour."""
    right = int(probabilities.argmax()) == label
    colour = RIGHT if right else WRONG
    said = "✓ right" if right else "✗ wrong"
    axes.set_xlabel(f"p {probabilities[explained]:.2f}  {said}", fontsize=8, labelpad=3, color=colour)
    axes.spines[:].set(visible=True, color=colour, linewidth=0.8 if right else 2.2)


def _legend(view: View) -> str:
    names = view.imageset.index.class_names
    one = len(set(view.explained.tolist())) == 1 and len(names) == 2
    explained = f"the class {names[1]!r}, on every image" if one else "each image's own class"
    outline = " White outline: the mask of the defect." if view.outlines is not None else ""
    return f"Maps show what speaks for {explained} (all dark: nothing); p: its predicted probability.{outline}"


def _grey(image: np.ndarray) -> np.ndarray:
    """Return (H, W) in [0, 1] of a (C, H, W) image, contrast stretched; colour would be taken for the map."""
    grey = image.mean(0)
    low, high = np.percentile(grey, (0.5, 99.5))
    scaled: np.ndarray = ((grey - low) / max(high - low, 1.0)).clip(0, 1)
    return scaled
