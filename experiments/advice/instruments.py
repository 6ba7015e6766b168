"""Drawings of what instruments show: boards, welds, printed codes, thermal images, vibration, galaxies, charts.

Where a thing is shown many times, `plan` is the generator of the thing and `rng` that of the picture.
"""

from __future__ import annotations

import io

import cv2
import matplotlib
import numpy as np
import scipy.signal
from matplotlib import style
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from experiments.advice import draw
from experiments.advice.draw import Array, Rng

RESISTS = ((20, 90, 45), (25, 50, 110), (110, 25, 30), (40, 40, 42), (15, 75, 70))
"""Colours of boards."""
RATE, SHARE = 12_000, 0.25
"""Samples a second, and seconds of a recording of vibration."""
ORDERS = {"healthy": 0.0, "outer_race": 3.6, "inner_race": 5.4}
"""Blows of a bearing's fault per turn of its shaft."""


def board(plan: Rng, rng: Rng, size: int, fault: str) -> Array:
    """Draw a circuit board's traces and pads; a fault is "open" (a trace is cut) or "short" (two are joined)."""
    wide = 2 * size
    resist = np.array(RESISTS[plan.integers(len(RESISTS))])
    ground, copper = (tuple(map(int, np.minimum(resist + more, 255))) for more in (0, plan.integers(35, 60)))
    image = Image.new("RGB", (wide, wide), ground)
    pen, pitch = ImageDraw.Draw(image), int(plan.integers(22, 36))
    thick = pitch // 3 + 1
    across = np.arange(-40, wide + 40, 4)
    course = _course(plan, across, wide)
    lanes = [start + course for start in np.arange(-wide, 2 * wide, pitch)]
    there = np.array([_trace(pen, plan, across, lane, (pitch, thick), copper) for lane in lanes])
    if fault:
        _damage(
            pen, rng, (across, np.array(lanes), there), (pitch, thick), copper if fault == "short" else ground, fault
        )
    moved = (int(rng.integers(-8, 9)), int(rng.integers(-8, 9)))
    turned = image.rotate(rng.uniform(-2, 2), Image.Resampling.BICUBIC, translate=moved, fillcolor=ground)
    seen = np.asarray(turned.resize((size, size), Image.Resampling.LANCZOS), dtype=float)
    light = rng.uniform(0.85, 1.15) + 0.05 * draw.noise(rng, size, 30)[..., None]
    return draw.to_bytes(seen * light + rng.normal(0, 4, seen.shape))


def _course(plan: Rng, across: Array, wide: int) -> Array:
    """Return how far all traces of a board have moved down at each place: level, but twice along 45 degrees."""
    bends, slopes = np.sort(plan.uniform(-0.1, 1.1, 4)) * wide, plan.choice([-1, 0, 1], 2)
    first, second = slopes * (bends[1::2] - bends[::2])
    return np.asarray(np.interp(across, bends, [0, first, first, first + second]))


def _trace(
    pen: ImageDraw.ImageDraw, plan: Rng, across: Array, lane: Array, sizes: tuple[int, int], copper: tuple[int, ...]
) -> Array:
    """Draw what there is of one lane, with pads at its ends; returns the places (P,) where it is."""
    there, (pitch, thick) = np.zeros(len(across), bool), sizes
    for part in np.split(np.arange(len(across)), np.sort(plan.integers(0, len(across), plan.integers(0, 3)))):
        inside = part[3:-3]
        if plan.random() < 0.85 and len(inside) > 8:
            points = [(float(x), float(y)) for x, y in zip(across[inside], lane[inside], strict=True)]
            pen.line(points, copper, thick, "curve")
            for end in (points[0], points[-1]):
                pen.circle(end, 0.48 * pitch, (200, 200, 190))
                pen.circle(end, thick / 3, (30, 30, 30))
            there[inside] = True
    return there


def _damage(
    pen: ImageDraw.ImageDraw,
    rng: Rng,
    traces: tuple[Array, Array, Array],
    sizes: tuple[int, int],
    colour: tuple[int, ...],
    fault: str,
) -> None:
    """Cut a trace, or join it to the one below, at a random place well inside."""
    (across, lanes, there), (pitch, thick), end = traces, sizes, traces[0][-1]
    inside = (across > 0.12 * end) & (across < 0.82 * end) & (lanes > 0.12 * end) & (lanes < 0.8 * end)
    below = np.roll(there, -1, axis=0) | (fault == "open")
    lane, place = rng.choice(np.argwhere(there & below & inside))
    x, y = float(across[place]), float(lanes[lane, place])
    if fault == "open":
        pen.circle((x, y), thick * rng.uniform(0.65, 1.0), colour)
    else:
        slanted = x + rng.uniform(-0.4, 0.4) * pitch
        pen.line((x, y, slanted, y + pitch), colour, int(thick * rng.uniform(0.7, 1.1)))


def weld(plan: Rng, rng: Rng, size: int, fault: str) -> Array:
    """Draw a radiograph of a seam; a fault is "pore" (one to four) or "crack" (along the seam)."""
    yy, xx = np.mgrid[:size, :size] / size
    half, pitch, ground, depth = (
        plan.uniform(0.16, 0.3),
        plan.uniform(0.05, 0.12),
        plan.uniform(70, 110),
        plan.uniform(35, 75),
    )
    middle, slope = rng.uniform(0.42, 0.58), rng.uniform(-0.1, 0.1)
    wander = half * 0.12 * draw.noise(rng, size, 14)
    away = (yy - middle - slope * (xx - 0.5) + 0.3 * wander) / half
    bead = np.clip(1 - away**2, 0, 1)
    ripple = np.sin(2 * np.pi * (xx + 0.5 * pitch * away**2) / pitch + rng.uniform(0, 6.3))
    image = ground + depth * bead + plan.uniform(3, 9) * ripple * bead + 5 * draw.noise(rng, size, 12)
    image = draw.to_bytes(image + rng.uniform(-10, 10) + 6 * draw.noise(rng, size, 1))
    x = rng.uniform(0.15, 0.85)
    y = middle + slope * (x - 0.5) + rng.uniform(-0.45, 0.45) * half
    if fault == "pore":
        for _ in range(rng.integers(1, 5)):
            at = np.clip([x + rng.normal(0, 0.05), y + rng.normal(0, 0.02)], 0.03, 0.97) * size
            image = draw.blob(image, rng, rng.uniform(22, 50), (0.012, 0.025), -1, (at[0], at[1]))
    if fault == "crack":
        along = np.linspace(-0.5, 0.5, 14) * rng.uniform(0.12, 0.35)
        crooked = y + slope * along + np.cumsum(rng.normal(0, 0.006, 14))
        image = draw.line(image, np.stack([x + along, crooked], 1) * size, 1, -rng.uniform(25, 55))
    return image


def printed_code(rng: Rng, size: int, void: bool) -> Array:
    """Draw a printed square code, or with a thin line in it that took no ink."""
    words = "".join(rng.choice(list("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"), rng.integers(14, 26)))
    dots = 1 - cv2.QRCodeEncoder.create().encode(words)[2:-2, 2:-2] / 255.0
    paper, ink, step = rng.uniform(200, 250), rng.uniform(10, 70), int(0.95 * size / len(dots))
    image, printed = np.full((size, size), paper), np.kron(dots, np.full((step, step), ink - paper))
    top, left = rng.integers(2, size - len(printed) - 1, 2)
    image[top : top + len(printed), left : left + len(printed)] += printed
    if void:
        middle, angle = rng.uniform(0.3, 0.7, 2) * size, rng.uniform(0, np.pi)
        along = np.linspace(-0.5, 0.5, 9)[:, None] * rng.uniform(0.3, 0.6) * size * [np.cos(angle), np.sin(angle)]
        mask = draw.line(np.zeros((size, size)), middle + along + rng.normal(0, 0.7, (9, 2)), 2, 255.0) / 255
        image = image + np.clip(1.5 * mask, 0, 1) * (paper - image)
    spots = draw.noise(rng, size, 1.0) > rng.uniform(2.4, 3.2)
    image = cv2.GaussianBlur(np.where(spots, (paper + ink) / 2, image), (0, 0), rng.uniform(0.5, 1.1))
    return draw.to_bytes(image + rng.normal(0, 6, image.shape))


def cabinet(plan: Rng, rng: Rng, size: int, hot: bool) -> Array:
    """Draw a thermal image of a switch cabinet, or with one of its joints hotter than the others by some degrees."""
    rows, phases = int(plan.integers(2, 4)), int(plan.integers(3, 6))
    xs = (np.arange(phases) + 0.5) / phases * 0.8 + 0.1 + plan.uniform(-0.02, 0.02, phases)
    ys = (np.arange(rows) + 0.5) / rows * 0.8 + 0.1
    wide, high, load = 0.26 / phases, plan.uniform(0.09, 0.15), rng.uniform(6, 22)
    field = rng.uniform(20, 28) + 2.5 * draw.noise(rng, size, 18) + np.linspace(3, 0, size)[:, None] * plan.random()
    bad = (int(rng.integers(rows)), int(rng.integers(phases)), int(rng.choice([-1, 1])))
    yy, xx = np.mgrid[:size, :size] / size
    moved = rng.uniform(-0.03, 0.03, 2)
    warmth = plan.uniform(0.6, 1.2, rows)
    for row, y in enumerate(ys + moved[0]):
        for phase, x in enumerate(xs + moved[1]):
            box = (np.abs(xx - x) < wide) & (np.abs(yy - y) < high)
            cable = (np.abs(xx - x) < 0.012) & (np.abs(yy - y) < 0.5 / rows)
            field = np.where(box, field + 0.8 * load * warmth[row], np.where(cable, field + 0.5 * load, field))
            for end in (-1, 1):
                extra = rng.uniform(0.25, 0.6) * load
                if hot and bad == (row, phase, end):
                    extra += rng.uniform(7, 20)
                away = ((xx - x) ** 2 + (yy - y - end * high) ** 2) / 0.03**2
                field = field + extra * np.exp(-away)
    seen = cv2.GaussianBlur(field, (0, 0), 1.2) + rng.normal(0, 0.5, field.shape)
    return draw.to_bytes(255 * matplotlib.colormaps["inferno"](np.clip((seen - 15) / 60, 0, 1))[..., :3])


def vibration(plan: Rng, rng: Rng, size: int, state: str) -> Array:
    """Draw the spectrogram of a machine's vibration: blows of a bearing's damaged race set off its resonances."""
    time = np.arange(int(RATE * SHARE)) / RATE
    turn = plan.uniform(18, 32) * rng.uniform(0.93, 1.07)
    tones = [(plan.uniform(200, 2200), plan.uniform(0.1, 0.6)) for _ in range(4)]
    signal = sum(level * np.sin(2 * np.pi * tone * time + rng.uniform(0, 6.3)) for tone, level in tones)
    hiss = rng.normal(0, plan.uniform(0.3, 0.6), len(time))
    signal = signal + scipy.signal.lfilter([1], [1, -plan.uniform(0.3, 0.8)], hiss)
    resonances, damping = plan.uniform(1500, 5200, 2), plan.uniform(500, 1100)
    blows = np.zeros(len(time))
    if ORDERS[state]:
        gaps = rng.normal(1, 0.015, 400) / (turn * ORDERS[state])
        at = rng.uniform(0, 0.01) + np.cumsum(gaps)
        at = at[at < SHARE]
        turned = np.cos(2 * np.pi * turn * at + rng.uniform(0, 6.3)) if state == "inner_race" else 0
        blows[(at * RATE).astype(int)] = (1 + turned) * rng.uniform(0.5, 1.6)
    ring = np.exp(-damping * time) * np.sin(2 * np.pi * resonances[:, None] * time).sum(axis=0)
    signal = signal + scipy.signal.fftconvolve(blows, ring)[: len(time)]
    return spectrogram(np.asarray(signal), RATE, size, "viridis")


def spectrogram(signal: Array, rate: int, size: int, colours: str) -> Array:
    """Draw the logarithm of power by time and frequency, as a square in a colour map of matplotlib."""
    _, _, power = scipy.signal.spectrogram(signal, rate, nperseg=128, noverlap=96, mode="psd")
    level = 10 * np.log10(power[::-1] + 1e-12 + 1e-7 * power.max())
    shown = np.clip((level - level.max() + 60) / 60, 0, 1).astype(np.float32)
    square = cv2.resize(shown, (size, size), interpolation=cv2.INTER_AREA)
    return draw.to_bytes(255 * matplotlib.colormaps[colours](square)[..., :3])


def galaxy(rng: Rng, size: int, kind: str) -> Array:
    """Draw a galaxy among stars: "elliptical", "spiral" (of any tilt but on edge), or "edge_on"."""
    x, y = (np.stack(np.meshgrid(*[np.arange(size) - size / 2] * 2)) - rng.uniform(-3, 3, (2, 1, 1))) / size
    turn = rng.uniform(0, np.pi)
    x, y = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    flat = {"elliptical": rng.uniform(0.5, 1), "spiral": rng.uniform(0.4, 1), "edge_on": rng.uniform(0.12, 0.25)}[kind]
    radius, scale = np.hypot(x, y / flat), rng.uniform(0.07, 0.12)
    light = np.exp(-radius / scale)
    if kind == "elliptical":
        light = np.exp(-7.67 * ((radius / (1.6 * scale)) ** 0.25 - 1)) / 12
    if kind == "spiral":
        winding, arms = rng.uniform(2.5, 5), rng.integers(2, 4)
        phase = np.arctan2(y / flat, x) * arms - winding * rng.choice([-1, 1]) * np.log(radius + 0.02) * 1.6
        light = light * (1 + rng.uniform(0.35, 0.8) * np.sin(phase)) + 0.8 * np.exp(-((radius / 0.04) ** 2))
    if kind == "edge_on":
        dust, bulge = np.exp(-((y / 0.012) ** 2)), np.exp(-((np.hypot(x, y) / 0.05) ** 2))
        light = light * (1 - rng.uniform(0, 0.7) * dust) + 0.7 * bulge
    image = rng.uniform(60, 160) * np.minimum(light, 2.5)
    for _ in range(rng.integers(2, 9)):
        at = rng.integers(0, size, 2)
        image[at[0], at[1]] += rng.exponential(700)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 1.5))
    noisy = np.maximum(12 + image + rng.normal(0, rng.uniform(2, 5), image.shape), 0)
    return draw.to_bytes(255 * np.arcsinh(noisy / 15) / np.arcsinh(255 / 15))


def chart(rng: Rng, size: int, kind: str, styles: list[str]) -> Array:
    """Draw a small chart of made-up numbers in one of some styles of matplotlib."""
    small = {"font.size": 5, "lines.linewidth": 0.8, "lines.markersize": 2}
    with style.context([styles[rng.integers(len(styles))], small]):
        figure = Figure(figsize=(1.4, 1.4), dpi=size / 1.4)
        axes = figure.add_axes((0.2, 0.16, 0.74, 0.76))
        count = int(rng.integers(5, 12))
        values, x = np.abs(rng.normal(rng.uniform(1, 5), 1.5, count)), np.arange(count)
        many = np.cumsum(rng.normal(0.1, 1, (3, 40)), axis=1)
        match kind:
            case "area":
                axes.stackplot(np.arange(40), np.abs(many) + 1)
            case "bar":
                axes.bar(x, values, width=rng.uniform(0.4, 0.9))
            case "box":
                axes.boxplot([rng.normal(value, 1, 30) for value in values[:6]])
            case "histogram":
                axes.hist(rng.normal(rng.uniform(-5, 5), 1, 300), bins=int(rng.integers(8, 25)))
            case "line":
                axes.plot(many[: rng.integers(1, 4)].T)
            case "scatter":
                cloud = rng.multivariate_normal((0, 0), [[1, 0.6], [0.6, 1]], 60)
                axes.scatter(cloud[:, 0], cloud[:, 1], s=rng.uniform(1, 8))
            case _:
                raise ValueError(f"no chart {kind!r}")
        if rng.random() < 0.5:
            axes.set_title("".join(rng.choice(list("abcdefghik "), 10)))
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=size / 1.4)
    with Image.open(buffer) as image:
        return np.asarray(image.convert("RGB"))
