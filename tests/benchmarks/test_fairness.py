"""The rules that make a comparison fair, seen from the records."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict

import numpy as np
import pytest
import torch

import datasets
from benchmarks.grid import plan, rows
from benchmarks.grid import presets as settings
from benchmarks.grid.cells import Cell
from benchmarks.records.store import Store
from benchmarks.running import cell as cells
from datasets import Level
from tests.faults.test_bad_input import tree


def each_method(*names: str) -> list[str]:
    return [part for name in names for part in ("--method", name)]


def grid(bench, *overrides: str) -> list[Cell]:
    return plan.build(settings.load(str(bench.preset), list(overrides)), ["textures"]).cells


def test_one_test_set_for_all_methods_and_ratios_of_a_seed(bench) -> None:
    bench("--ratio", "2", "--ratio", "10", "--seed", "0", "--seed", "1")
    hashes = defaultdict(set)
    for record in Store(bench.results).records():
        hashes[record.cell["seed"]].add(record.data.test_hash)
    assert [len(found) for found in hashes.values()] == [1, 1]
    assert hashes[0] != hashes[1]


def test_methods_of_one_point_learn_from_the_same_images(bench) -> None:
    bench(*each_method("cross-entropy", "focal", "smote", "under-bagging"))
    assert len({record.data.train_hash for record in Store(bench.results).records()}) == 1


def test_the_majority_is_constant_and_subsets_are_nested(bench) -> None:
    spec = grid(bench)[0].data
    index = datasets.create("textures", **spec.settings.parameters).index()
    subsets = [set(rows.training_rows(spec, index, 3, Level("step", ratio))) for ratio in (1, 2, 5, 10, 20)]
    assert all(larger <= smaller for smaller, larger in itertools.pairwise(subsets))
    counts = [np.bincount(index.labels[list(subset)]).tolist() for subset in subsets]
    assert counts == [[20, 20], [20, 10], [20, 4], [20, 2], [20, 1]]
    test = set(rows.split(spec, index, 3).test)
    assert not test & subsets[0]


def test_methods_alike_start_and_learn_alike(bench) -> None:
    """Post-hoc adjustment is cross-entropy minus the log prior: exactly so if weights and batches are the same."""
    bench(*each_method("cross-entropy", "posthoc-logit-adjustment"))
    records = {record.cell["method"]: record for record in Store(bench.results).records()}
    plain, adjusted = (
        Store(bench.results).read_scores(records[name].id)["logits"]
        for name in ("cross-entropy", "posthoc-logit-adjustment")
    )
    prior = torch.tensor([20 / 24, 4 / 24]).log().numpy()
    np.testing.assert_allclose(plain - adjusted, np.broadcast_to(prior, plain.shape), atol=1e-6)


def test_every_method_spends_the_same_number_of_steps(bench, tmp_path) -> None:
    names = ("cross-entropy", "crt", "under-bagging", "mixup", "multiscale-two-stage", "bbn", "smote")
    source = f"folder:{tree(tmp_path / 'source', {'bad': 20, 'good': 20})}"
    transfer = ("--set", f"method.multiscale-two-stage.source=['{source}']")
    bench(*each_method(*names), "--set", "budget.steps=13", *transfer)
    records = list(Store(bench.results).records())
    two_stage = [record for record in records if record.cell["method"] == "multiscale-two-stage"]
    assert [record.cell["parameters"]["source"] for record in two_stage] == [[source]]
    assert {record.cell["method"] for record in records if record.status == "done"} == set(names)
    # a step of two branches takes two of the budget's, and one of 13 does not suffice for another
    assert {record.cost.steps for record in records if record.cell["method"] != "bbn"} == {13}
    assert [record.cost.steps for record in records if record.cell["method"] == "bbn"] == [12]


def test_a_cell_leaves_the_global_random_states_alone_and_does_not_read_them(bench, shared_cache) -> None:
    cell = grid(bench)[0]
    cells.run(cell, shared_cache, "cpu")
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    before = random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state().numpy().tobytes()  # noqa: NPY002
    _, one = cells.run(cell, shared_cache, "cpu")
    after = random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state().numpy().tobytes()  # noqa: NPY002
    assert before == after
    torch.manual_seed(2)
    _, two = cells.run(cell, shared_cache, "cpu")
    assert one is not None
    assert two is not None
    assert one["logits"].tobytes() == two["logits"].tobytes()


@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_threads_outside_does_not_matter(bench, shared_cache, threads) -> None:
    cell = grid(bench, "methods=['smote']")[0]
    _, expected = cells.run(cell, shared_cache, "cpu")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        _, scores = cells.run(cell, shared_cache, "cpu")
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert expected is not None
    assert scores is not None
    assert scores["logits"].tobytes() == expected["logits"].tobytes()


def test_the_identity_of_draws_knows_no_method_and_no_setting(bench) -> None:
    every = grid(bench, "methods=['cross-entropy','focal']") + grid(bench, "budget.steps=99")
    assert len({cell.id for cell in every}) == 4
    assert len({cell.identity for cell in every}) == 1
