"""The loop that all networks share."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import methods
from methods import testing
from methods.base import NetworkMethod
from methods.training import loop, sampling
from methods.training.data import Images
from methods.training.optimizers import FusedAdamW
from methods.training.settings import Augmentation, Budget, Optimizer
from methods.training.stages import Stage, Task, split_steps


def draws(method, train, context, steps=30):
    return loop.Draws(method, method.stages()[0], train, context, [i / steps for i in range(steps)], "stage 0")


@pytest.mark.parametrize(
    ("shares", "steps", "expected"),
    [
        ([1.0], 7, [7]),
        ([0.85, 0.15], 150, [128, 22]),
        ([0.99, 0.01], 5, [4, 1]),
        ([0.01, 0.99], 5, [1, 4]),
        ([0.5, 1e-12, 0.5], 10, [5, 1, 4]),
    ],
)
def test_stages_share_all_steps_and_each_has_one(shares, steps, expected):
    assert split_steps(shares, steps) == expected


@pytest.mark.parametrize(("shares", "steps", "message"), [([0.5, 0.4], 9, "sum to"), ([0.5, 0.5], 1, "cannot share")])
def test_impossible_shares_are_explained(shares, steps, message):
    with pytest.raises(ValueError, match=message):
        split_steps(shares, steps)


def test_without_resampling_every_image_is_seen_once_in_a_pass():
    train = testing.made_data((12, 6, 3))
    rows = draws(NetworkMethod(), train, testing.tiny_context(train), steps=21).rows.flatten()
    assert torch.bincount(rows).tolist() == [8] * 21
    assert rows[:21].sort().values.tolist() == list(range(21))


def test_methods_with_the_same_sampling_see_the_same_batches():
    train = testing.made_data()
    context = testing.tiny_context(train)
    a, b = (draws(methods.create(name), train, context) for name in ("cross-entropy", "focal"))
    assert torch.equal(a.rows, b.rows)
    assert torch.equal(a.flips, b.flips)


def test_methods_start_from_the_same_weights():
    train = testing.made_data()
    context, weights = testing.tiny_context(train), []
    for name in ("cross-entropy", "ldam-drw", "lws", "bbn"):
        with context.seeded("initial weights"):
            network = methods.create(name).network(context, train)
        head = network.head.conventional if name == "bbn" else network.head
        weights.append(head.state_dict())
    assert all(torch.equal(w[k], weights[0][k]) for w in weights for k in weights[0])


def test_a_class_without_images_is_never_drawn():
    labels, counts = torch.tensor([0, 0, 2]), torch.tensor([2, 0, 1])
    generator = torch.Generator().manual_seed(0)
    rows = sampling.draw_rows(labels, counts, sampling.class_balanced, [0.0] * 50, 4, generator)
    assert torch.bincount(labels[rows].flatten(), minlength=3)[1] == 0


def test_flips_and_shifts_are_those_of_torch():
    levels = torch.arange(2 * 4 * 5 * 3, dtype=torch.float32).view(2, 4, 5, 3)
    images, rows = Images((levels,)), torch.tensor([1, 0])
    flips = torch.tensor([[True, False], [False, True]])
    (plain,), (flipped,) = images.read(rows), images.read(rows, flips)
    torch.testing.assert_close(flipped[0], plain[0].flip(1))
    torch.testing.assert_close(flipped[1], plain[1].flip(2))
    (shifted,) = images.read(rows, None, torch.tensor([[1, 0], [0, -2]]))
    torch.testing.assert_close(shifted[0, :, 1:], plain[0, :, :-1])
    assert (shifted[0, :, 0] == 0).all()
    torch.testing.assert_close(shifted[1, :, :, :-2], plain[1, :, :, 2:])
    assert (shifted[1, :, :, -2:] == 0).all()


def test_maps_are_never_shifted_nor_are_vectors_flipped_away():
    train = testing.made_data()
    context = replace(testing.tiny_context(train), augmentation=Augmentation(crop=2))
    assert draws(NetworkMethod(), train, context).shifts is None


def test_a_loss_that_is_not_finite_is_an_error():
    class Diverges(NetworkMethod):
        def criterion(self, counts, progress):
            return lambda logits, targets: logits.sum() / 0

    train = testing.made_data()
    with pytest.raises(loop.DivergedError, match=r"lower optimizer\.learning_rate"):
        Diverges().fit(train, testing.tiny_context(train))


def test_a_budget_too_small_for_the_members_is_explained():
    train = testing.made_data()
    context = replace(testing.tiny_context(train), budget=Budget(steps=3, batch_size=4))
    with pytest.raises(ValueError, match="5 members cannot share 3 steps"):
        methods.create("under-bagging").fit(train, context)


def test_a_restarted_module_begins_anew():
    train = testing.made_data()
    context, method = testing.tiny_context(train), NetworkMethod()
    network = method.network(context, train)
    before = network.classifier.weight.clone()
    with context.seeded("again"):
        loop.restart(network, ("classifier",))
    assert not torch.equal(network.classifier.weight, before)


def test_training_is_learning():
    train = testing.made_data((30, 30))
    context = replace(testing.tiny_context(train), budget=Budget(steps=60, batch_size=16))
    method = methods.create("cross-entropy")
    method.fit(train, context)
    right = (method.predict_logits(train.images).argmax(1) == train.labels).float().mean()
    assert right > 0.9


def test_a_stage_trains_at_its_own_rate():
    train, moved = testing.made_data(), []
    for rate in (1.0, 0.01):
        context, method = testing.tiny_context(train), NetworkMethod()
        with context.seeded("initial weights"):
            network = method.network(context, train)
        before = network.classifier.weight.clone()
        loop.run_stage(method, network, train, context, Stage(learning_rate=rate), [0.0] * 4, "stage")
        moved.append((network.classifier.weight - before).abs().mean().item())
    assert moved[0] > 20 * moved[1]


@pytest.mark.parametrize(("name", "factor"), [("adamw", 10.0), ("sgd", 1.0)])
def test_a_retrained_classifier_has_larger_steps_under_adamw_only(name, factor):
    stage = methods.create("crt", second_rate=2.0).stages()[1]
    settings = Optimizer(name=name, learning_rate=0.01)
    optimizer = loop.build_optimizer([torch.nn.Parameter(torch.zeros(1))], settings, stage)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01 * 2 * factor)


def test_a_class_with_one_image_is_drawn_and_one_without_is_not():
    probabilities = sampling.power(torch.tensor([4, 1, 0]), 1.0)
    torch.testing.assert_close(probabilities, torch.tensor([0.8, 0.2, 0.0], dtype=torch.float64))


def test_the_smallest_class_may_have_one_image_but_not_none():
    assert sampling.smallest(torch.tensor([4, 1, 0])) == 1


def test_shifts_go_both_ways_as_far_as_the_crop_and_no_further():
    train = testing.made_data(channels=1)
    context = replace(testing.tiny_context(train), augmentation=Augmentation(crop=2))
    shifts = draws(NetworkMethod(), train, context, steps=50).shifts
    # 800 draws of five values: mean 160, deviation 11.3; five deviations to each side
    assert ((torch.bincount((shifts + 2).flatten()) - 160).abs() < 57).all()


def test_a_stage_with_a_task_trains_its_network_on_its_data_with_its_augmentation():
    train, other, network = testing.made_data(), testing.made_data((5, 5)), torch.nn.Identity()
    own, context = Augmentation(horizontal_flip=False, crop=3), testing.tiny_context(train)
    for augmentation, expected in ((own, own), (None, context.augmentation)):
        task = Task(network, other, augmentation)

        class WithTask(NetworkMethod):
            def stages(self, task=task):
                return [Stage(name="elsewhere", task=lambda *_: task)]

        (phase,) = loop.phases(WithTask(), torch.nn.Identity(), train, context)
        assert phase.network is network
        assert phase.train is other
        assert phase.context.augmentation == expected
        assert phase.purpose == "elsewhere"


@pytest.mark.filterwarnings("ignore:.*CUDA is not available")
def test_mixed_precision_is_bfloat16_on_gpus_and_nothing_elsewhere():
    assert loop.mixed_precision(torch.device("cuda")).fast_dtype == torch.bfloat16
    with loop.mixed_precision(torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.parametrize("unused", [False, True])
def test_our_adamw_is_torchs(unused):
    generator = torch.Generator().manual_seed(0)
    made = [torch.randn(7, 5, generator=generator), torch.randn(5, generator=generator)]
    both = [[torch.nn.Parameter(m.clone()) for m in made] for _ in range(2)]
    torchs = torch.optim.AdamW(both[0], lr=0.01, weight_decay=0.3, fused=True)
    ours = FusedAdamW(both[1], lr=0.01, weight_decay=0.3, fused=True)
    for step in range(20):
        for parameters, optimizer in zip(both, (torchs, ours), strict=True):
            optimizer.param_groups[0]["lr"] = 0.01 / (1 + step)
            optimizer.zero_grad()
            loss = (parameters[0] ** 4).sum()
            if not (unused and step % 3 == 0):
                loss = loss + (parameters[0] @ parameters[1]).square().sum()
            loss.backward()
            optimizer.step()
    for a, b in zip(*both, strict=True):
        assert torch.equal(a, b)
