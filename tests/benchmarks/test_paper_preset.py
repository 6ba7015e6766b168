"""The preset `paper`, which is for a GPU: end to end at tiny size, and its path where nothing may be read back."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

import methods
from benchmarks.grid import presets
from benchmarks.records.store import Store
from methods.networks import weights as stored
from methods.proposed import two_stage
from methods.training import loop
from methods.training.context import Context
from methods.training.data import Images, TrainSet

NAMES = ["cross-entropy", "crt", "multiscale-two-stage-no-source", "few-defect-fusion", "linear-probe"]


def random_weights(folder: Path, name: str) -> Path:
    """Save weights for a timm model: drawn, but those of a classifier that nobody reads, four fifths of VGG16's."""
    import timm
    from safetensors.torch import save_file

    with torch.device("meta"):
        own = timm.create_model(name, pretrained=False).state_dict()
    generator, state = torch.Generator().manual_seed(3), {}
    for key, value in own.items():
        read = value.dim() == 4 and not key.startswith("pre_logits")
        state[key] = (
            torch.randn(value.shape, generator=generator) / 30 if read else torch.ones(value.shape, dtype=value.dtype)
        )
    path = folder / f"{name}.safetensors"
    save_file(state, path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(("name", "chosen"), [("resnet10t", NAMES), ("vgg16_bn", NAMES[:1])])
def test_it_runs_from_end_to_end_with_weights_from_a_file(bench, tmp_path, name, chosen) -> None:
    path = random_weights(tmp_path, name)
    tiny = {
        "budget.steps": 4,
        "budget.batch_size": 4,
        "network.width": 8,
        "dataset.textures": "{ size = 64, test_cap = 6, majority = 12, parameters = { number = [40, 40] } }",
        "backbone.weights": f'"{path}"',
    }
    if name != "vgg16_bn":
        tiny["backbone.name"] = f'"{name}"'
    methods_of_it = [part for method in chosen for part in ("--method", method)]
    settings = [part for key, value in tiny.items() for part in ("--set", f"{key}={value}")]
    answer = bench("--preset", "paper", "--ratio", "5", "--seed", "0", *methods_of_it, *settings)
    assert answer.code == 0, answer.err
    records = {record.cell["method"]: record for record in Store(bench.results).records()}
    assert set(records) == set(chosen)
    for record in records.values():
        assert record.status == "done", record.failure
        backbone = record.cell["settings"]["backbone"]
        assert (backbone["name"], backbone["digest"]) == (name, stored.digest(str(path)))
        assert not backbone["frozen"]
        assert record.cell["settings"]["optimizer"]["name"] == "sgd"
    assert records["cross-entropy"].cost.steps == 4


def paper_network(name: str) -> tuple[methods.Method, nn.Module, TrainSet, Context]:
    """Build what the preset trains, VGG16 at 224 pixels, on the `meta` device."""
    preset, meta = presets.load("paper", ["backbone.weights='none'"]), torch.device("meta")
    pixels = torch.zeros(8, 224, 224, 3, dtype=torch.uint8)
    labels = torch.tensor([0, 0, 0, 0, 0, 1, 1, 1])
    train = TrainSet(Images((pixels,), (120.0,) * 3, (60.0,) * 3), labels, 2)
    budget = preset.budget.model_copy(update={"steps": 3, "batch_size": 4})
    context = Context(
        seed="paper",
        device=meta,
        budget=budget,
        optimizer=preset.optimizer,
        augmentation=preset.augmentation,
        network=preset.network,
        backbone=preset.backbone,
        source_data=lambda names: train,
    )
    method = methods.create(name)
    with meta:
        network = method.network(context, train)
    return method, network, train, context


@pytest.mark.parametrize("name", ["cross-entropy", "logit-adjustment", "crt", "multiscale-two-stage"])
def test_its_steps_wait_for_nothing_on_the_device(name) -> None:
    method, network, train, context = paper_network(name)
    phases = 0
    for phase in loop.phases(method, network, train.to(context.device), context):
        phase.run(method)
        phases += 1
    assert phases == len(method.stages())
    assert context.meter.steps == 3


def test_its_batches_and_weights_are_channels_last() -> None:
    """What `fit` and `Images.read` say is what convolutions get, so that a GPU never has to reorder."""
    _, network, train, context = paper_network("cross-entropy")
    seen: list[torch.Tensor] = []
    convolutions = [each for each in network.trunk.modules() if isinstance(each, nn.Conv2d)]
    convolutions[0].register_forward_pre_hook(lambda _, inputs: seen.extend(inputs))
    network = network.to(memory_format=torch.channels_last)
    logits = network(train.images.to(context.device).read(torch.zeros(4, dtype=torch.int64, device=context.device)))
    assert logits.shape == (4, 2)
    assert len(convolutions) == 13  # VGG16's
    layouts = [*seen, *(each.weight for each in convolutions)]
    assert len(layouts) == 14
    assert all(each.is_contiguous(memory_format=torch.channels_last) for each in layouts)


def test_all_stages_read_one_copy_of_the_images_and_train_one_backbone(monkeypatch) -> None:
    """A source task has neither a second VGG16 nor a float copy of the images beside the bytes."""
    method, network, train, context = paper_network("multiscale-two-stage")
    data, trunks, read = train.to(context.device), [], []
    steps = loop.run_stage

    def watched(learner, trained, images, *rest) -> None:
        trunks.append(trained.trunk)
        read.append(images.images.levels[0])
        steps(learner, trained, images, *rest)

    monkeypatch.setattr(two_stage, "run_stage", watched)
    monkeypatch.setattr(loop, "run_stage", watched)
    for phase in loop.phases(method, network, data, context):
        phase.run(method)
    assert [trunk is network.trunk for trunk in trunks] == [True] * 3  # the source task and two stages
    assert all(images.dtype == torch.uint8 for images in read)
    assert all(images is data.images.levels[0] for images in read[1:])


def test_it_asks_a_gpu_for_autocast_to_bfloat16() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no GPU here
        amp = loop.mixed_precision(torch.device("cuda"))
    assert isinstance(amp, torch.autocast)
    assert (amp.device, amp.fast_dtype) == ("cuda", torch.bfloat16)


def test_a_step_is_in_bfloat16_where_autocast_is_on(monkeypatch) -> None:
    method, network, train, context = paper_network("cross-entropy")
    seen: list[torch.dtype] = []
    network.head.register_forward_pre_hook(lambda _, inputs: seen.extend(each.dtype for each in inputs[0]))
    network = network.to_empty(device="cpu").to(memory_format=torch.channels_last)
    for value in network.state_dict().values():
        value.zero_()
    monkeypatch.setattr(loop, "mixed_precision", lambda device: torch.autocast("cpu", dtype=torch.bfloat16))
    small = train.images.levels[0][:, :64, :64].contiguous()
    train = TrainSet(Images((small,), train.images.mean, train.images.std), train.labels, 2)
    here = replace(context, device=torch.device("cpu"), budget=context.budget.model_copy(update={"steps": 1}))
    for phase in loop.phases(method, network, train, here):
        phase.run(method)
    assert set(seen) == {torch.bfloat16}
    assert {each.dtype for each in network.parameters()} == {torch.float32}
