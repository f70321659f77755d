"""Options of indicators: what they do, and that they are part of the protocol."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from untrained.foundation import MalformedInput, UnknownName
from untrained.indicators import Measurement, Protocol, indicators, read

EXACT = 1e-9
"""Float64 arithmetic in another order."""


Batches = list[tuple[Tensor, Tensor]]


@pytest.fixture
def batches(x: Tensor, y: Tensor) -> Batches:
    return [(x, y), (x.flip(0) * 0.7 + 0.1, y.flip(0))]


def optional(name: str, net: nn.Module, batches: Batches, **options: float) -> float:
    chosen = indicators[name].chosen(options)
    with Measurement(net, batches, options=dict(chosen)) as m:
        return read(m, [name])[name].value


def test_beta_weighs_the_penalty(batches: Batches) -> None:
    net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(180, 4)).double()
    none, one, three = (optional("zico_bc", net, batches, beta=b) for b in (0, 1, 3))
    assert none == optional("zico", net, batches)
    assert none - three == pytest.approx(3 * (none - one), rel=EXACT)


def test_an_interval_of_l_swag_is_of_layers_and_activations(batches: Batches) -> None:
    relus = [nn.ReLU() for _ in range(2)]
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(192, 6), relus[0], nn.Linear(6, 5), relus[1], nn.Linear(5, 4)
    ).double()
    gradients = []
    for x, y in batches:
        loss = functional.cross_entropy(net(x), y)
        gradients.append(torch.autograd.grad(loss, net[3].weight)[0].abs().numpy())
    deviation = np.std(gradients, axis=0)
    seen: list[np.ndarray] = []
    handle = relus[1].register_forward_hook(lambda m, a, out: seen.append(out.detach().numpy()))
    net(batches[0][0])
    handle.remove()
    patterns = {column.tobytes() for column in np.ascontiguousarray((seen[0] > 0).T)}
    expected = math.log((1 / deviation[deviation > 0]).sum()) * len(patterns)
    # the middles of three layers are at 1/6, 1/2 and 5/6, of two activations at 1/4 and 3/4
    found = optional("l_swag", net, batches, first=0.4, last=0.8)
    assert found == pytest.approx(expected, rel=1e-6)
    whole = optional("l_swag", net, batches, first=0, last=1)
    assert whole == optional("l_swag", net, batches) != found


def test_an_option_is_part_of_the_protocol_where_it_is_not_the_default() -> None:
    item = indicators["l_swag"]
    assert item.chosen({"first": 0.0, "last": 1}) == ()
    assert item.chosen({"last": 0.5, "first": 0.25}) == (("first", 0.25), ("last", 0.5))
    plain, changed = item.protocol, item.protocol.replace(options=(("first", 0.25),))
    assert "options" not in plain.canonical
    assert changed.digest != plain.digest
    assert Protocol.from_json(changed.canonical) == changed
    assert "first = 0.25" in changed.describe()
    with pytest.raises(UnknownName, match="no option of l_swag named 'frist'"):
        item.chosen({"frist": 0.1})
    with pytest.raises(MalformedInput, match="last"):
        item.chosen({"last": 2})
