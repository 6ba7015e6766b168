from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from datasets import DatasetUnavailable, UserError, create, load
from datasets.sources import elpv


def test_published_counts() -> None:
    # Deitsch et al. 2019: 588 + 920 functional, 313 + 402 defective, 117 + 178 and 56 + 50 uncertain cells.
    index = create("elpv").index()
    assert index.class_names == ("functional", "defective")
    assert index.counts.tolist() == [1508, 715]
    assert index.notes[0] == "401 solar cells of uncertain state left out"
    assert create("elpv", include_uncertain=True).index().counts.tolist() == [1508 + 295, 715 + 106]


def test_labels_belong_to_the_images_as_the_package_gives_them(tmp_path: Path) -> None:
    import elpv_dataset.utils

    # The package's reader decodes every image that a table lists: a short table keeps this test short.
    data = Path(elpv_dataset.utils.__file__).parent / "data"
    rows = (data / "labels.csv").read_text().splitlines(keepends=True)[:60]
    (tmp_path / "labels.csv").write_text("".join(rows))
    (tmp_path / "images").symlink_to(data / "images")
    pixels, probabilities, _ = elpv_dataset.utils.load_dataset(str(tmp_path / "labels.csv"))
    certain = np.isin(probabilities, (0.0, 1.0))
    assert 10 < certain.sum() < 60
    dataset = create("elpv")
    assert dataset.index().labels[: certain.sum()].tolist() == probabilities[certain].astype(int).tolist()
    ours = dataset.decode(300)
    for theirs in pixels[certain]:
        image = next(ours)
        assert image.shape == (1, 300, 300)
        assert (image[0] == theirs).all()


def test_uncertain_cells_have_a_cache_entry_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.listing.read_image", lambda *_, **__: np.zeros((1, 8, 8), dtype=np.uint8))
    sizes = [len(load(create("elpv", include_uncertain=uncertain), 8, tmp_path)) for uncertain in (False, True, False)]
    assert sizes == [2223, 2624, 2223]
    assert len(list(tmp_path.rglob("*.npy"))) == 2


def test_without_the_package_the_steps_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DatasetUnavailable, match="elpv-dataset is not installed; pip install elpv-dataset"):
        create("elpv").index()


def test_modules_are_whole_rectangles_of_cells_of_one_kind() -> None:
    """Deitsch et al. 2019: 18 monocrystalline and 26 polycrystalline modules; the package's table names the kind."""
    import elpv_dataset.utils

    table = Path(elpv_dataset.utils.__file__).parent / "data" / "labels.csv"
    kinds = np.array([line.split()[2] for line in table.read_text().splitlines() if line.strip()])
    of = elpv.modules(len(kinds))
    cells = np.bincount(of)
    assert [sum(set(kinds[of == module]) == {kind} for module in range(len(cells))) for kind in ("mono", "poly")] == [
        18,
        26,
    ]
    assert all(any(count % row == 0 for row in range(8, 13)) for count in cells)  # cells in a row


@pytest.mark.parametrize("table", [None, "images/cell0001.png", "images/cell0001.png much mono"])
def test_a_damaged_package_says_how_to_install_it_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table) -> None:
    if table is not None:
        (tmp_path / "labels.csv").write_text(table)
    monkeypatch.setattr(elpv.Elpv, "_folder", lambda _: tmp_path)
    with pytest.raises(UserError, match=r"labels\.csv cannot be read .*pip install --force-reinstall elpv-dataset"):
        create("elpv").index()


def test_a_lost_photograph_says_how_to_install_it_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "labels.csv").write_text("images/cell0001.png 1.0 mono\n")
    monkeypatch.setattr(elpv.Elpv, "_folder", lambda _: tmp_path)
    with pytest.raises(UserError, match=r"1 of 1 listed images .*cell0001\.png; pip install --force-reinstall elpv"):
        create("elpv").index()
