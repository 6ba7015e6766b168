"""What a network reads, against NumPy and against the backbone itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch

import methods
from benchmarks.grid import plan, rows
from benchmarks.grid import presets as settings
from benchmarks.grid.cells import DataSpec
from benchmarks.grid.presets import DatasetSettings
from benchmarks.running import cell as cells
from benchmarks.running.prepare import prepare
from methods.networks import weights
from methods.training.settings import BackboneSettings

SCRATCH = BackboneSettings(name="small-cnn", weights="none", frozen=False)


class Reads(methods.Method):
    """Keeps what it is given."""

    def fit(self, train: methods.TrainSet, context: object) -> None:
        """Learn nothing."""

    def predict_logits(self, images: methods.Images) -> torch.Tensor:
        """Return the pixels that a network would read, in two columns."""
        (read,) = images.read(torch.arange(len(images)))
        object.__setattr__(self, "read", read.double().numpy())
        return torch.zeros(len(images), 2)


@pytest.fixture
def cell(bench):
    return plan.build(settings.load(str(bench.preset)), ["textures"]).cells[0]


def test_images_are_normalised_by_the_training_subset_alone_and_test_images_by_the_same(cell, shared_cache) -> None:
    prepared = prepare(cell.data, SCRATCH, shared_cache, "cpu")
    index = prepared.imageset.index
    learnt = rows.training_rows(cell.data, index, cell.seed, cell.level)
    tested = rows.split(cell.data, index, cell.seed).test
    pixels = np.asarray(prepared.imageset.images).astype(np.float64)  # (N, 1, H, W)
    mean, std = pixels[learnt].mean((0, 2, 3)), pixels[learnt].std((0, 2, 3))
    # the three sets differ in their statistics, so that a mix-up would show
    assert not np.allclose(mean, pixels[tested].mean(), rtol=1e-4)
    assert not np.allclose(mean, pixels.mean(), rtol=1e-4)
    assert not np.allclose(std, std**2, rtol=0.1)

    train, method = prepared.train_set(learnt), Reads()
    np.testing.assert_allclose(train.images.mean, mean, rtol=1e-9)
    np.testing.assert_allclose(train.images.std, std, rtol=1e-9)
    cells.predict(method, prepared, train, tested)
    expected = (pixels[tested] - mean[:, None, None]) / std[:, None, None]
    np.testing.assert_allclose(method.read, expected, rtol=1e-5, atol=1e-5)


def test_cached_maps_are_those_of_the_backbone_itself(shared_cache: Path) -> None:
    spec = DataSpec(name="textures", size=64, settings=DatasetSettings(parameters={"number": [5, 4]}))
    prepared = prepare(spec, BackboneSettings(strides=(8, 16)), shared_cache, "cpu")
    model = timm.create_model("tf_efficientnet_lite0", features_only=True, out_indices=(2, 3))
    model.load_state_dict(weights.packaged_weights(), strict=False)
    grey = torch.from_numpy(np.asarray(prepared.imageset.images).astype(np.float32))
    with torch.no_grad():
        expected = model.eval()((grey.expand(-1, 3, -1, -1) / 255 - 0.5) / 0.5)
    picked = np.array([7, 0, 3])
    for level, maps in zip(prepared.images(picked).levels, expected, strict=True):
        assert level.dtype == torch.float16
        # half precision keeps eleven bits
        torch.testing.assert_close(level.permute(0, 3, 1, 2).float(), maps[picked], rtol=2e-3, atol=2e-3)
    assert prepared.images(picked).mean == ()


def test_grey_images_are_large_enough_for_a_network_that_reads_colour(tmp_path) -> None:
    spec = DataSpec(name="textures", size=32, settings=DatasetSettings(parameters={"number": (6, 6)}))
    prepared = prepare(spec, BackboneSettings(weights="none"), tmp_path, "cpu")
    assert prepared.imageset.images.shape[1] == 1
    assert prepared.shapes == ((112, 2, 2),)
