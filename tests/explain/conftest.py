from __future__ import annotations

import pytest
import torch

from methods import Images
from methods.networks import Network, build
from methods.training.settings import BackboneSettings, NetworkSettings

CPU = torch.device("cpu")
SMALL = BackboneSettings(name="small-cnn", weights="none", frozen=False)


def settle(network: Network) -> Network:
    """Give batch normalisation statistics other than those it begins with."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            module.running_mean.copy_(0.1 * torch.randn(len(module.running_mean), generator=generator))
    return network.eval()


@pytest.fixture(params=["single-scale", "multi-scale", "pooled"])
def end_to_end(request: pytest.FixtureRequest) -> Network:
    """A network from the pixels on."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build([(1, 64, 64)], 2, NetworkSettings(head=request.param, width=32), SMALL)
        torch.nn.init.normal_(network.get_parameter("classifier.weight"))
        return settle(network)


@pytest.fixture
def pixels() -> Images:
    generator = torch.Generator().manual_seed(0)
    levels = torch.randint(0, 256, (5, 64, 64, 1), dtype=torch.uint8, generator=generator)
    return Images((levels,), (127.5,), (60.0,))


@pytest.fixture
def maps(end_to_end: Network, pixels: Images) -> Images:
    """The same images as the network's trunk sees them."""
    assert end_to_end.trunk is not None
    with torch.no_grad():
        levels = end_to_end.trunk(pixels.read(torch.arange(len(pixels)))[0])
    return Images(tuple(level.permute(0, 2, 3, 1).contiguous() for level in levels))


@pytest.fixture
def cut(end_to_end: Network) -> Network:
    """The same network from the maps on."""
    return Network(None, end_to_end.head, end_to_end.classifier).eval()
