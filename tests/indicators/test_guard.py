"""What one indicator changes, the next one does not read."""

from __future__ import annotations

import math
import random
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules import module as torch_module
from torch.overrides import TorchFunctionMode

from untrained.indicators import Measurement, indicators, measure, quantity, read_items


class Net(nn.Module):
    """Has each kind of thing that can be changed."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(12, 6)
        self.norm = nn.BatchNorm1d(6)
        self.last = nn.Linear(6, 3)

    def forward(self, x):
        return self.last(functional.relu(self.norm(self.first(x.flatten(1)))))


class Doubling(nn.Module):
    def forward(self, x):
        return 2 * x


class Mode(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


def to_zero(m):
    with torch.no_grad():
        m.network.first.weight.zero_()


def to_zero_as_data(m):
    m.network.first.weight.data.zero_()


def set_data(m):
    m.network.first.weight.data = torch.ones(6, 12)


def negate_through_numpy(m):
    array = m.network.first.weight.detach().numpy()
    np.negative(array, out=array)


def replace_module(m):
    m.network.norm = Doubling()


def replace_parameter(m):
    m.network.first.weight = nn.Parameter(torch.ones(6, 12))


def leave_hook(m):
    m.network.first.register_forward_hook(lambda module, args, out: 2 * out)


def leave_global_hook(m):
    torch_module.register_module_forward_hook(lambda module, args, out: 2 * out)


def evaluate(m):
    m.network.eval()


def freeze(m):
    m.network.requires_grad_(False)


def leave_gradients(m):
    m.network(m.inputs).sum().backward()


def change_class(m):
    m.network.norm.__class__ = Doubling


def change_forward(m):
    m.network.first.forward = lambda x: x[:, :6]


def change_forward_of_class(m):
    Net.forward = lambda self, x: self.last(x.flatten(1)[:, :6])


def change_function(m):
    functional.relu = torch.sigmoid


def scale_inputs(m):
    m.inputs.mul_(3)


def scale_inputs_with_weights(m):
    m.inputs.mul_(m.network.first.bias.sum())


def permute_labels(m):
    m.labels.copy_(m.labels.flip(0))


def ask_for_gradients_of_inputs(m):
    m.inputs.requires_grad_(True)


def enter_mode(m):
    Mode().__enter__()


def enter_device(m):
    torch.device("meta").__enter__()


def change_inner_function_of_class(m):
    nn.Linear.forward = lambda self, x: x


def add_to_class(m):
    nn.Linear.__getattr__ = lambda self, name: torch.zeros(6, 12)


def change_methods_of_tensors(m):
    torch.Tensor.flatten = lambda self, *axes: self.reshape(len(self), -1) * 2
    torch.relu = torch.sigmoid


def leave_hooks_of_saved_tensors(m):
    torch._C._autograd._push_saved_tensors_default_hooks(lambda t: 2 * t, lambda t: t)


def enter_inference_mode(m):
    torch.inference_mode().__enter__()


def enter_transform(m):
    torch._C._functorch._grad_increment_nesting()


def exchange_parts_of_the_measurement(m):
    m.network, m.batches, m.seed = nn.Flatten(), ((torch.zeros(1, 3, 2, 2), None),), 5
    m._outcomes = {}


def move_to_shared_memory(m):
    m.network.share_memory()


def change_type(m):
    m.network.half()


CHANGES = [
    *(change_inner_function_of_class, add_to_class, change_methods_of_tensors, change_type),
    *(leave_hooks_of_saved_tensors, enter_inference_mode, enter_transform, move_to_shared_memory),
    exchange_parts_of_the_measurement,
    lambda m: sys.setrecursionlimit(100),
    lambda m: warnings.simplefilter("error"),
    lambda m: np.seterr(all="raise"),
    *(to_zero, to_zero_as_data, set_data, negate_through_numpy, replace_module, replace_parameter),
    *(leave_hook, leave_global_hook, evaluate, freeze, leave_gradients, change_class),
    *(change_forward, change_forward_of_class, change_function, scale_inputs, enter_mode),
    *(scale_inputs_with_weights, permute_labels, ask_for_gradients_of_inputs, enter_device),
    lambda m: torch.set_default_dtype(torch.float64),
    lambda m: torch.set_default_device("meta"),
    lambda m: torch.set_grad_enabled(False),
    lambda m: torch.set_num_threads(torch.get_num_threads() + 1),
    lambda m: torch.set_float32_matmul_precision("medium"),
    lambda m: torch.set_autocast_enabled("cpu", True),
    lambda m: setattr(torch.backends.mkldnn, "enabled", False),
    lambda m: setattr(torch.backends.cudnn, "benchmark", not torch.backends.cudnn.benchmark),
    lambda m: torch._C._set_deterministic_algorithms(True),
    lambda m: torch.set_flush_denormal(True),
    lambda m: torch.autograd.set_detect_anomaly(True),
]


@quantity
def seen(m):
    """Everything that a later indicator sees, as one text."""
    net, x = m.network, m.inputs
    out = net(x)
    modes = torch._C._len_torch_function_stack(), torch.empty(0).device, torch.empty(0).dtype
    switches = (
        torch.get_num_threads(),
        torch.get_float32_matmul_precision(),
        torch._C._get_fp32_precision_getter("mkldnn", "matmul"),
        torch.is_autocast_enabled("cpu"),
        torch.backends.mkldnn.enabled,
        torch.backends.cudnn.benchmark,
        torch.are_deterministic_algorithms_enabled(),
        torch.is_anomaly_enabled(),
        float(torch.tensor(1e-40) * 1.0) == 0,
    )
    of_net = [(p.requires_grad, p.grad is None, p.tolist()) for p in net.parameters()]
    training = [module.training for module in net.modules()]
    drawn = torch.rand(()).item(), np.random.rand(), random.random()  # noqa: NPY002
    switches += sys.getrecursionlimit(), len(warnings.filters), np.geterr()["over"]
    (saved,) = torch.autograd.grad((net.first.weight**2).sum(), net.first.weight)
    of_net.append(saved.tolist())
    others = x.requires_grad, x.tolist(), m.labels.tolist(), out.requires_grad, out.tolist()
    return repr((modes, switches, of_net, training, drawn, others))


TEXTS = []


def look(m):
    TEXTS.append(seen(m))
    return float(len(TEXTS[-1]))


def read_both(first):
    """Read an indicator and one that looks, of a network with the same weights each time."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    batch = torch.randn(4, 3, 2, 2, generator=generator), torch.arange(4) % 3
    items = [
        replace(indicators["params"], id=name, function=function)
        for name, function in (("first", first), ("look", look))
    ]
    with Measurement(Net(), [batch]) as m:
        return read_items(m, items)


def seen_without_a_change():
    """What is seen within the same test: pytest filters warnings anew for each phase of one."""
    read_both(lambda m: 1.0)
    return TEXTS[-1]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_the_next_indicator_sees_nothing_of_a_change(change):
    def first(m):
        change(m)
        return 1.0

    readings = read_both(first)
    assert [(r.status, r.reason) for r in readings.values()] == [("ok", "")] * 2
    assert TEXTS[-1] == seen_without_a_change()


def enter_devices(m):
    torch.set_default_device("meta")
    torch.device("cpu").__enter__()
    torch.device("meta").__enter__()


@pytest.mark.parametrize("own", [None, "cpu"])
@pytest.mark.parametrize("change", [enter_device, enter_devices])
def test_a_device_that_was_entered_does_not_come_to_light_later(change, own):
    torch.set_default_device(own)
    try:
        read_both(lambda m: change(m) or 1.0)
        assert torch._C._len_torch_function_stack() == (own is not None)
        torch.set_default_device("meta")
    finally:
        torch.set_default_device(None)
    assert torch._C._len_torch_function_stack() == 0
    assert torch.empty(0).device.type == "cpu"


@pytest.mark.parametrize("change", [to_zero_as_data, evaluate, scale_inputs])
def test_a_quantity_that_was_computed_after_a_change_is_computed_anew(change):
    def first(m):
        change(m)
        return float(len(seen(m)))

    readings = read_both(first)
    assert readings["first"].status == "ok"
    assert TEXTS[-1] == seen_without_a_change()


def test_random_draws_of_one_indicator_do_not_drop_shared_quantities():
    def first(m):
        random.seed(3)
        np.random.seed(3)  # noqa: NPY002
        torch.manual_seed(3)
        return float(len(seen(m)))

    read_both(first)
    assert TEXTS[-1] != seen_without_a_change()  # the draws of the shared quantity


def test_a_failing_indicator_is_undone_too():
    def first(m):
        to_zero(m)
        raise ValueError("after the change")

    assert read_both(first)["first"].status == "error"
    assert TEXTS[-1] == seen_without_a_change()


def test_a_measurement_that_an_indicator_closes_cannot_be_read_further():
    def first(m):
        m.__exit__()
        return 1.0

    readings = read_both(first)
    assert readings["first"].reason == "it changes the measurement, which cannot be put back"
    assert readings["look"].status == "error"


def test_what_cannot_be_put_back_fails_the_indicator_and_those_after_it():
    def first(m):
        m.network.first.weight.untyped_storage().resize_(0)
        return 1.0

    readings = read_both(first)
    assert [reading.status for reading in readings.values()] == ["error", "error"]
    assert readings["first"].reason == "it changes the weights, which cannot be put back"
    assert readings["look"].reason == (
        "not measured: an indicator before it changed the weights, which cannot be put back"
    )
    assert math.isnan(readings["look"].value)


def test_what_is_left_of_a_global_hook_that_was_removed_is_no_hook(x):
    expected = measure(Net(), x, None, ["params"])
    handle = torch_module.register_module_full_backward_hook(lambda *_: None)
    handle.remove()  # a flag of torch stays set
    assert measure(Net(), x, None, ["params"]) == expected
