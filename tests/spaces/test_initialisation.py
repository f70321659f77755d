"""Weights drawn anew have the variance of their scheme, from the generator given, and no more."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from torch import Tensor, nn

from untrained.foundation import UnknownName, Unsupported
from untrained.spaces import initialisations, initialise, spaces

KAIMING = {
    # inputs of one output: the channels that it sees x kernel size
    "kaiming_normal_fan_in": lambda layer: layer.in_channels // layer.groups * pixels(layer),
    "kaiming_normal_fan_out": lambda layer: layer.out_channels * pixels(layer),
}
SCHEMES = sorted(set(initialisations) - {"default"})


def pixels(layer: nn.Conv2d) -> int:
    return layer.kernel_size[0] * layer.kernel_size[1]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(48, 96, 3, bias=True),
        nn.BatchNorm2d(96),
        nn.Conv2d(96, 96, (3, 1), groups=4, bias=False),
        nn.BatchNorm2d(96, affine=False),
        nn.Flatten(),
        nn.Linear(96, 200),
    )


def state(net: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


def is_normal(weight: Tensor, variance: float) -> bool:
    sample = weight.detach().flatten().numpy() / math.sqrt(variance)
    return float(kstest(sample.astype(np.float64), "norm").pvalue) > 1e-3


@pytest.mark.parametrize("name", sorted(KAIMING))
def test_a_kaiming_weight_is_normal_with_variance_two_by_its_fan(name: str) -> None:
    net = network()
    initialise(net, name, generator=seeded())
    for layer in (net[0], net[2]):
        fan = KAIMING[name](layer)
        assert float(layer.weight.detach().var()) == pytest.approx(2 / fan, rel=0.05)
        assert is_normal(layer.weight, 2 / fan)
    fan = 96 if name.endswith("in") else 200
    assert float(net[5].weight.detach().var()) == pytest.approx(2 / fan, rel=0.05)
    assert is_normal(net[5].weight, 2 / fan)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
def test_the_deviations_are_those_of_torch(mode: str) -> None:
    deviation = initialisations[f"kaiming_normal_{mode}"].deviation
    assert deviation is not None
    for shape in [(8, 3, 5, 1), (6, 4), (5, 2, 3)]:
        drawn, same = torch.empty(shape), torch.empty(shape)
        nn.init.kaiming_normal_(drawn, mode=mode, nonlinearity="relu", generator=seeded())
        same.normal_(0, deviation(same), generator=seeded())
        torch.testing.assert_close(drawn, same)


def test_gaussian_weights_are_standard_normal() -> None:
    net = network()
    initialise(net, "gaussian", generator=seeded())
    for layer in (net[0], net[2], net[5]):
        assert is_normal(layer.weight, 1)


@pytest.mark.parametrize("name", SCHEMES)
def test_biases_and_shifts_become_zero_and_gains_one(name: str) -> None:
    net = network()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(7)
    initialise(net, name)
    assert not net[0].bias.any()
    assert not net[5].bias.any()
    assert not net[1].bias.any()
    assert torch.equal(net[1].weight, torch.ones(96))
    assert not (net[0].weight == 7).any()


@pytest.mark.parametrize("name", SCHEMES)
def test_the_generator_alone_decides(name: str) -> None:
    first, second, third = network(), network(), network()
    torch.manual_seed(1)
    before = torch.get_rng_state()
    initialise(first, name, generator=seeded(5))
    assert torch.equal(torch.get_rng_state(), before)
    initialise(second, name, generator=seeded(5))
    initialise(third, name, generator=seeded(6))
    for key, tensor in state(first).items():
        assert torch.equal(tensor, state(second)[key])
    assert not torch.equal(first[0].weight, third[0].weight)
    torch.manual_seed(5)
    initialise(third, name)
    assert torch.equal(first[0].weight, third[0].weight)


def test_buffers_stay_and_default_changes_and_draws_nothing() -> None:
    net = network()
    with torch.no_grad():
        net[1].running_mean.fill_(3)
    before, generator = state(net), seeded()
    drawn = generator.get_state()
    initialise(net, "default", generator=generator)
    assert torch.equal(generator.get_state(), drawn)
    for key, tensor in state(net).items():
        assert torch.equal(tensor, before[key])
    initialise(net, "gaussian")
    assert torch.equal(net[1].running_mean, before["1.running_mean"])


@pytest.mark.parametrize("name", list(spaces))
def test_every_layer_of_every_space_for_images_is_known(name: str) -> None:
    space = spaces[name]
    net = space.build(
        space.sample(np.random.default_rng(0)), num_classes=3, channels=4, cells=1, in_channels=2
    )
    of_words = any(isinstance(module, nn.Embedding) for module in net.modules())
    if of_words or ".transformers." in spaces.origin(name):
        with pytest.raises(Unsupported, match=r"of (Embedding|\w+Stem): it knows"):
            initialise(net, "kaiming_normal_fan_out")
        return
    before = state(net)
    initialise(net, "kaiming_normal_fan_out")
    changed = [key for key, tensor in state(net).items() if not torch.equal(tensor, before[key])]
    assert set(changed) >= {key for key, p in net.named_parameters() if p.dim() > 1}


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"no initialisation named 'guassian'; did you mean gau"):
        initialise(network(), "guassian")


@pytest.mark.parametrize(
    "layer", [nn.GRU(4, 4), nn.PReLU(), nn.ConvTranspose2d(4, 4, 3), nn.Embedding(4, 4)]
)
def test_a_layer_that_a_scheme_does_not_speak_of_is_refused_before_any_change(
    layer: nn.Module,
) -> None:
    net = nn.Sequential(nn.Linear(4, 4), layer)
    before = state(net)
    message = rf"'gaussian' was asked for, but .* of {type(layer).__name__}: it knows"
    with pytest.raises(Unsupported, match=message):
        initialise(net, "gaussian")
    for key, tensor in state(net).items():
        assert torch.equal(tensor, before[key])
