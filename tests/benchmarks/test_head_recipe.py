"""A head has a recipe of its own, whichever method stands on it, and the record shows it."""

from __future__ import annotations

import pytest

from benchmarks.grid import plan
from benchmarks.grid import presets as settings
from benchmarks.grid.cells import Cell
from benchmarks.records.store import Store
from datasets import UserError

OWN = (
    "head.multi-scale={learning_rate = 0.02, weight_decay = 0.3, width = 12, dropout = 0.4, channel_dropout = 0.25}",
    "optimizer.learning_rate=0.005",
    "methods=['cross-entropy', 'multiscale-logit-adjustment']",
)


def cells(bench, *overrides: str) -> dict[tuple[str, str], Cell]:
    preset = settings.load(str(bench.preset), [*OWN, *overrides])
    return {(cell.method, cell.comparison): cell for cell in plan.build(preset, ["textures"]).cells}


def values(cell: Cell) -> tuple[float, ...]:
    optimizer, network = cell.settings.optimizer, cell.network
    return (
        optimizer.learning_rate,
        optimizer.weight_decay,
        network.width,
        network.dropout,
        network.channel_dropout,
    )


def test_the_recipe_goes_with_the_head_and_not_with_the_method(bench) -> None:
    found = cells(bench, "comparisons=['as-in-paper', 'equal-footing']")
    assert values(found["multiscale-logit-adjustment", "as-in-paper"]) == (0.02, 0.3, 12, 0.4, 0.25)
    assert values(found["cross-entropy", "equal-footing"]) == (0.02, 0.3, 12, 0.4, 0.25)
    assert values(found["cross-entropy", "as-in-paper"])[0] == 0.005
    assert found["cross-entropy", "as-in-paper"].network == settings.load(str(bench.preset)).network


def test_what_a_head_does_not_say_stays(bench) -> None:
    preset = settings.load(str(bench.preset), ["head.multi-scale={width = 12}"])
    assert preset.optimizer_for("multi-scale") == preset.optimizer
    assert preset.network_for("multi-scale").model_copy(
        update={"head": preset.network.head, "width": preset.network.width}
    ) == (preset.network)


def test_a_cell_of_another_head_keeps_its_name(bench) -> None:
    plain = settings.load(str(bench.preset), ["methods=['cross-entropy']"])
    with_head = settings.load(str(bench.preset), ["methods=['cross-entropy']", OWN[0]])
    one, two = (plan.build(preset, ["textures"]).cells for preset in (plain, with_head))
    assert [cell.id for cell in one] == [cell.id for cell in two]


def test_the_record_shows_it(bench) -> None:
    bench("--method", "multiscale-logit-adjustment", "--set", OWN[0])
    (record,) = Store(bench.results).records()
    assert record.status == "done"
    assert values(Cell.model_validate(record.cell)) == (0.02, 0.3, 12, 0.4, 0.25)


def test_the_reference_presets_name_no_unknown_head() -> None:
    default, thorough = settings.load("default"), settings.load("thorough")
    assert default.head == thorough.head
    assert {"multi-scale", "single-scale"} <= set(default.head)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("head.multi-scale.learning_rat=0.1", r"did you mean 'head\.multi-scale\.learning_rate'\?"),
        ("head.multiscale.learning_rate=0.1", "multiscale.*multi-scale"),
    ],
)
def test_a_misspelt_recipe_is_refused(override: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        settings.load("default", [override])
