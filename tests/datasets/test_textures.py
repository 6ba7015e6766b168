from __future__ import annotations

import numpy as np
import pytest

from datasets import UserError, create
from datasets.sources.drawing import KINDS, _grid, draw
from datasets.sources.textures import Textures


def test_the_default_is_balanced_and_says_that_it_is_synthetic() -> None:
    textures = create("textures")
    assert textures.index().counts.tolist() == [700, 700]
    assert "synthetic" in textures.description
    assert "synthetic images" in textures.index().notes


def test_an_image_depends_on_seed_and_position_alone() -> None:
    one, other = Textures(number=(5, 5)), Textures(number=(5, 5))
    drawn = list(one.decode(32))
    assert (other.draw(7, 32)[0] == drawn[7][0]).all()
    assert (Textures(number=(5, 500)).draw(7, 32)[0] == drawn[7][0]).all()
    assert (Textures(number=(5, 5), seed=1).draw(7, 32)[0] != drawn[7][0]).any()
    assert len({image.tobytes() for image in drawn}) == 10


@pytest.mark.parametrize("size", [17, 64, 128])
def test_shape_and_range(size: int) -> None:
    for image in Textures(number=(8, 8)).decode(size):
        assert image.shape == (1, size, size)
        assert image.dtype == np.uint8
        assert 5 < image.std() < 60
        assert ((image == 0) | (image == 255)).mean() < 0.05


def test_masks_mark_small_defects_and_only_those() -> None:
    textures = Textures(number=(40, 40))
    masks = textures.masks(range(80), 128)
    assert not masks[:40].any()
    shares = masks[40:].mean((1, 2))
    assert shares.min() > 0.0005
    assert shares.max() < 0.08


def test_a_defect_changes_its_mask_and_little_else() -> None:
    strong, weak = Textures(number=(1, 60)), Textures(number=(1, 60), contrast=1e-6)
    for position in range(1, 61):
        (image, mask), (background, _) = strong.draw(position, 128), weak.draw(position, 128)
        change = np.abs(image.astype(int) - background)
        assert change[mask].mean() > 10 * change[~mask].mean()
        assert change[mask].mean() > 8


@pytest.mark.parametrize("kind", KINDS)
def test_one_kind_can_be_asked_for(kind: str) -> None:
    assert len(list(Textures(number=(2, 2), kinds=(kind,)).decode(32))) == 4


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"number": (0, 5)}, "textures: number.0=0: .* greater than 0"),
        ({"number": (5,)}, "number.1=.*required"),
        ({"number": 5}, "number=5: .*tuple"),
        ({"kinds": ("fibre", "wool")}, "kinds are some of fibre, grain, cloud, weave"),
        ({"kinds": ()}, "kinds are some of"),
        ({"contrast": 0.0}, "contrast=0.0: .* greater than 0"),
        ({"contrast": float("inf")}, "contrast=inf: .* finite"),
        ({"colour": "red"}, "no parameter 'colour'. It takes: number, seed, kinds, contrast"),
        ({"numbers": (1, 1)}, "no parameter 'numbers'; did you mean 'number'"),
    ],
)
def test_senseless_parameters_are_refused(bad: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        create("textures", **bad)


def ring_power(kind: str, size: int = 128, number: int = 30) -> np.ndarray:
    """Return the mean power of a kind of texture at 0, 1, 2, ... cycles an image, whatever the direction."""
    drawn = [KINDS[kind](np.random.default_rng(seed), size) for seed in range(number)]
    power = np.mean([np.abs(np.fft.fft2(each)) ** 2 for each in drawn], axis=0)
    cycles = np.fft.fftfreq(size, 1 / size)
    ring = np.rint(np.hypot(cycles[:, None], cycles[None])).astype(int)
    return np.asarray(np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel()))


def test_cloud_has_the_spectrum_of_noise_at_all_scales() -> None:
    """Amplitudes fall as frequency to the power of -1 to -1.4, so power by -2.4 on the mean."""
    at = np.arange(3, 40)
    slope, _ = np.polyfit(np.log(at), np.log(ring_power("cloud")[at]), 1)
    assert slope == pytest.approx(-2.4, abs=0.15)


def test_grain_is_of_one_size() -> None:
    power = ring_power("grain")
    assert 12 <= power.argmax() <= 20  # cycles an image
    assert power[40:64].max() < 0.01 * power.max()


def test_coordinates_are_those_of_the_pixels_centres() -> None:
    row, column = _grid(4)
    assert row.ravel().tolist() == column.ravel().tolist() == [0.125, 0.375, 0.625, 0.875]


def test_what_is_too_dark_or_too_bright_is_black_or_white() -> None:
    drawn = [draw(np.random.default_rng(seed), "fibre", 64, 100.0)[0] for seed in range(12)]
    assert (min(each.min() for each in drawn), max(each.max() for each in drawn)) == (0, 255)
