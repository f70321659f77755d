"""What a measurement promises: each quantity once, everything put back, failures remembered."""

import copy

import pytest
import torch
from torch import nn

from untrained.foundation import Unsupported, derive
from untrained.indicators import Measurement, quantity, read

TEN = [
    "naswot",
    "naswot_live",
    "nasi",
    "grad_norm",
    "snip",
    "synflow",
    "jacov",
    "params",
    "flops",
    "depth",
    "random",
]


class Passes:
    """Counts forward passes of a network, and backward passes through its last layer."""

    def __init__(self, net, last):
        self.forward = self.backward = 0
        net.register_forward_hook(self._forward)
        last.register_full_backward_hook(self._backward)

    def _forward(self, module, args, output):
        self.forward += 1

    def _backward(self, module, inputs, outputs):
        self.backward += 1


def counted(x, y, ids):
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 4)
    ).double()
    passes = Passes(net, net[-1])
    with Measurement(net, [(x, y)]) as m:
        assert all(r.status == "ok" for r in read(m, ids).values())
    return passes.forward, passes.backward


def test_three_gradient_scores_cost_one_forward_and_one_backward(x, y):
    assert counted(x, y, ["nasi", "grad_norm", "snip"]) == (1, 1)


def test_the_input_jacobian_shares_the_forward_of_the_loss(x, y):
    assert counted(x, y, ["nasi", "jacov"]) == (1, 2)


def test_naswot_costs_one_forward_and_no_backward(x, y):
    assert counted(x, y, ["naswot"]) == (1, 0)


def test_a_quantity_is_computed_once_whoever_asks_and_anew_in_another_measurement(x):
    calls = []

    @quantity
    def measured(m):
        calls.append(m)
        return len(calls)

    for expected in (1, 2):
        with Measurement(nn.Flatten(), [(x, None)]) as m:
            assert [measured(m), measured(m)] == [expected, expected]


def test_a_failed_quantity_is_not_tried_again(x):
    calls = []

    @quantity
    def failing(m):
        calls.append(m)
        raise Unsupported("there is nothing to see")

    with Measurement(nn.Flatten(), [(x, None)]) as m:
        for _ in range(2):
            with pytest.raises(Unsupported, match="nothing to see"):
                failing(m)
    assert len(calls) == 1


def test_a_time_limit_is_not_remembered_as_an_outcome(x):
    calls = []

    @quantity
    def slow(m):
        calls.append(m)
        if len(calls) == 1:
            raise TimeoutError
        return 3

    with Measurement(nn.Flatten(), [(x, None)]) as m:
        with pytest.raises(TimeoutError):
            slow(m)
        assert slow(m) == 3


def test_nothing_is_measured_outside_of_it(x):
    m = Measurement(nn.Flatten(), [(x, None)])

    @quantity
    def anything(m):
        return 1

    for _ in range(2):
        with pytest.raises(RuntimeError, match="not open"):
            anything(m)
        with m:
            assert anything(m) == 1


def test_a_measurement_needs_a_batch():
    with pytest.raises(ValueError, match="at least one batch"):
        Measurement(nn.Flatten(), [])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("batch_norm", ["train", "eval"])
def test_batch_norm_mode_is_the_measurements_and_dropout_is_off(x, training, batch_norm):
    net = nn.Sequential(
        nn.BatchNorm2d(3), nn.Dropout(0.5), nn.Dropout2d(0.5), nn.Flatten(), nn.Linear(192, 2)
    )
    net.train(training)
    net[1].train(not training)
    with Measurement(net, [(x, None)], batch_norm=batch_norm) as m:
        for _ in range(2):
            assert net[0].training == (batch_norm == "train")
            assert not net[1].training
            assert not net[2].training
            net.eval()
            m.restore_mode()
    assert [module.training for module in net] == [training, not training, *[training] * 3]


def test_batch_norm_mode_changes_the_scores(network, x, y):
    ids = ["nasi", "jacov"]
    values = []
    for mode in ("train", "eval"):
        with Measurement(network, [(x, y)], batch_norm=mode) as m:
            values.append([r.value for r in read(m, ids).values()])
    has_batch_norm = any("BatchNorm" in type(module).__name__ for module in network.modules())
    assert (values[0] != values[1]) == has_batch_norm


def test_generators_differ_by_purpose_and_seed_and_start_anew(x):
    def draw(seed, purpose):
        with Measurement(nn.Flatten(), [(x, None)], seed=seed) as m:
            first = torch.rand(4, generator=m.generator(purpose))
            assert torch.equal(first, torch.rand(4, generator=m.generator(purpose)))
            return first

    assert torch.equal(draw(1, "noise"), draw(1, "noise"))
    assert not torch.equal(draw(1, "noise"), draw(2, "noise"))
    assert not torch.equal(draw(1, "noise"), draw(1, "signs"))
    expected = torch.rand(4, generator=torch.Generator().manual_seed(derive(1, "noise")))
    assert torch.equal(draw(1, "noise"), expected)


def test_inputs_follow_the_networks_floating_point_type(x, y):
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 4))
    m = Measurement(net, [(x, y), (x.float(), None)])
    assert [inputs.dtype for inputs, _ in m.batches] == [torch.float32] * 2
    assert m.labels is y
    assert m.dtype == torch.float32


def test_labels_are_unsupported_where_there_are_none(x):
    with pytest.raises(Unsupported, match="needs labels"):
        _ = Measurement(nn.Flatten(), [(x, None)]).labels


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_scores_do_not_depend_on_the_callers_gradient_mode(network, x, y, context):
    with Measurement(network, [(x, y)]) as m:
        expected = {name: r.value for name, r in read(m, TEN).items()}
    with context():
        inputs, labels = x.clone(), y.clone()
        with Measurement(network, [(inputs, labels)]) as m:
            given = {name: r.value for name, r in read(m, TEN).items()}
    assert given == expected


def test_frozen_parameters_score_like_trainable_ones_and_stay_frozen(network, x, y):
    with Measurement(network, [(x, y)]) as m:
        expected = {name: r.value for name, r in read(m, TEN).items()}
    network.requires_grad_(False)
    with Measurement(network, [(x, y)]) as m:
        assert {name: r.value for name, r in read(m, TEN).items()} == expected
    assert not any(p.requires_grad for p in network.parameters())


def test_a_buffer_that_a_forward_pass_replaces_is_put_back(x):
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(1))
            self.layer = nn.Linear(192, 3)

        def forward(self, x):
            self.calls = self.calls + 1
            return torch.relu(self.layer(x.flatten(1)))

    net = Counts().double()
    before = net.calls
    with Measurement(net, [(x, None)]) as m:
        read(m, ["naswot"])  # one: the next would start from the buffers as found
        assert net.calls > 0
    assert net.calls is before
    assert net.calls == 0


def test_the_order_of_reading_does_not_matter(network, x, y):
    fresh = copy.deepcopy(network)
    with Measurement(network, [(x, y)]) as m:
        forwards = {name: r.value for name, r in read(m, TEN).items()}
    with Measurement(fresh, [(x, y)]) as m:
        backwards = {name: r.value for name, r in read(m, TEN[::-1]).items()}
    assert backwards == forwards


def test_a_network_may_write_to_its_input(x, y):
    class Writes(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(192, 4)

        def forward(self, x):
            x.mul_(2)
            return self.layer(torch.relu(x).flatten(1))

    net, kept = Writes().double(), x.clone()
    with Measurement(net, [(x, y)]) as m:
        assert {r.status for r in read(m, TEN).values()} == {"ok"}
        assert torch.equal(m.inputs, kept)
    assert torch.equal(x, kept)
