"""How outcomes become readings, and readings become the answers of `measure`."""

import math
import weakref
from dataclasses import replace

import pytest
import torch
from torch import nn

from untrained.foundation import UnknownName, Unsupported, UntrainedError
from untrained.indicators import Diverged, Measurement, indicators, measure, quantity, read
from untrained.indicators.framework import quantity as meter_module
from untrained.indicators.framework import reading as reading_module


@pytest.fixture
def register(monkeypatch):
    """Puts an indicator of one function beside the registered ones, for one test."""
    local = dict(indicators)
    monkeypatch.setattr(reading_module, "indicators", local)

    def add(name, function, *, higher_is_better=True):
        local[name] = replace(
            indicators["params"], id=name, function=function, higher_is_better=higher_is_better
        )

    return add


def reading_of(name, x):
    with Measurement(nn.Sequential(nn.Flatten(), nn.Linear(192, 2)).double(), [(x, None)]) as m:
        return read(m, [name])[name]


def raising(error):
    def function(m):
        raise error

    return function


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (Unsupported("no ReLU here"), "unsupported", "no ReLU here"),
        (Diverged("too large"), "diverged", "too large"),
        (MemoryError(), "out_of_memory", "MemoryError"),
        (torch.cuda.OutOfMemoryError("of 3 GiB"), "out_of_memory", "of 3 GiB"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: 8 bytes\nmore"),
            "out_of_memory",
            "DefaultCPUAllocator: can't allocate memory: 8 bytes",
        ),
        (
            torch.AcceleratorError("CUDA error: out of memory\nmore"),
            "out_of_memory",
            "CUDA error: out of memory",
        ),
        (
            RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
            "out_of_memory",
            "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate",
        ),
        (
            RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
            "out_of_memory",
            "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        ),
        (
            TypeError(
                "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't "
                "support float64. Please use float32 instead."
            ),
            "unsupported",
            "the device has no float64, which the indicator needs: Cannot convert a MPS Tensor to "
            "float64 dtype as the MPS framework doesn't support float64. Please use float32 "
            "instead.",
        ),
        (ValueError("out of memory"), "error", "ValueError: out of memory"),
        (ZeroDivisionError("by zero"), "error", "ZeroDivisionError: by zero"),
        (RuntimeError("shapes differ\nsecond line"), "error", "RuntimeError: shapes differ"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_a_failure_becomes_a_status_with_a_reason(register, x, error, status, reason):
    register("failing", raising(error))
    reading = reading_of("failing", x)
    assert (reading.status, reading.reason) == (status, reason)
    assert math.isnan(reading.value)
    assert reading.alone_s >= 0


def test_what_fits_alone_is_read_although_earlier_results_filled_the_memory(register, x):
    held = []

    @quantity
    def large(m):
        held.append(weakref.ref(tensor := torch.zeros(8)))
        return tensor

    @quantity
    def needing_much(m):
        if any(reference() is not None for reference in held):
            raise torch.OutOfMemoryError("of 3 GiB")
        return 7.0

    def never(m):
        calls.append(m)
        raise torch.OutOfMemoryError("of 3 GiB")

    calls = []
    register("first", lambda m: float(large(m).sum()))
    register("second", needing_much)
    register("third", lambda m: needing_much(m) + float(large(m).sum()))
    register("never", never)
    with Measurement(nn.Flatten(), [(x, None)]) as m:
        readings = read(m, ["first", "second", "third", "first", "second", "never"])
    assert {name: r.value for name, r in readings.items() if r.status == "ok"} == {
        "first": 0.0,
        "second": 7.0,
        "third": 7.0,
    }
    assert readings["never"].status == "out_of_memory"
    assert len(calls) == 2  # once more after the others' results were dropped
    with Measurement(nn.Flatten(), [(x, None)]) as m:
        read(m, ["never"])
    assert len(calls) == 3  # nothing to drop


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_infinity_is_a_legal_worst_rank_and_never_a_best_one(register, x, higher_is_better):
    worst = -math.inf if higher_is_better else math.inf
    register("worst", lambda m: worst, higher_is_better=higher_is_better)
    register("best", lambda m: -worst, higher_is_better=higher_is_better)
    assert reading_of("worst", x).value == worst
    assert reading_of("worst", x).status == "ok"
    assert reading_of("best", x).status == "diverged"
    assert math.isnan(reading_of("best", x).value)


def test_nan_diverges(register, x):
    register("undefined", lambda m: math.nan)
    reading = reading_of("undefined", x)
    assert (reading.status, reading.reason) == ("diverged", "the score is nan")


@pytest.mark.parametrize(
    ("value", "score"),
    [
        *((torch.tensor(2.5), 2.5), (torch.ones(2), None), (torch.tensor([]), None)),
        *(
            ("2.5", None),
            ("2.5x", None),
            ("", None),
            (b"1", None),
            (b"\xff", None),
            (None, None),
            ([], None),
            ({}, None),
        ),
        *((1j, None), (10**400, None), (object(), None), (True, 1.0), (lambda: 1.0, None)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_number_is_an_error(register, x, value, score):
    register("odd", lambda m: value)
    reading = reading_of("odd", x)
    assert reading.status == ("error" if score is None else "ok")
    assert math.isnan(reading.value) if score is None else reading.value == score
    assert bool(reading.reason) == (score is None)


def test_what_must_stop_a_run_is_raised(register, x):
    for stop in (TimeoutError("of 3 s"), KeyboardInterrupt()):
        register("stopped", raising(stop))
        with pytest.raises(type(stop)):
            reading_of("stopped", x)


def test_one_failure_reaches_no_other_indicator(register, x):
    register("failing", raising(ZeroDivisionError()))
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 2)).double()
    with Measurement(net, [(x, None)]) as m:
        readings = read(m, ["params", "failing", "depth"])
    assert list(readings) == ["params", "failing", "depth"]
    assert [r.status for r in readings.values()] == ["ok", "error", "ok"]


def test_an_unknown_name_is_refused_before_anything_is_computed(x):
    class Untouched(nn.Module):
        def forward(self, x):
            raise AssertionError

    with (
        Measurement(Untouched(), [(x, None)]) as m,
        pytest.raises(UnknownName, match="did you mean naswot"),
    ):
        read(m, ["flops", "nasw0t"])


def test_alone_counts_a_shared_quantity_for_each_reader(register, x, monkeypatch):
    class Clock:
        now = 0.0

        def perf_counter(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(meter_module, "time", clock)

    @quantity
    def shared(m):
        clock.now += 4
        return 1.0

    def light(m):
        clock.now += 0.5
        return shared(m)

    register("maker", shared)
    register("reader", light)
    with Measurement(nn.Flatten(), [(x, None)]) as m:
        readings = read(m, ["maker", "reader"])
    assert readings["maker"].alone_s == 4
    assert readings["reader"].alone_s == 4.5
    assert clock.now == 4.5


def test_measure_gives_nan_for_numbers_that_are_not_finite(x, y):
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 4)).double()
    net[1].weight.data[0, 0] = math.nan
    scores = measure(net, x, y, ["nasi", "params"])
    assert math.isnan(scores["nasi"])
    assert scores["params"] == 772


def test_measure_raises_what_a_score_lacks(register, x, y):
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 4)).double()
    with pytest.raises(Unsupported, match=r"^nasi: .*labels"):
        measure(net, x, None, ["params", "nasi"])
    register("hungry", raising(MemoryError("of 3 GiB")))
    with pytest.raises(MemoryError, match=r"^hungry: of 3 GiB"):
        measure(net, x, None, ["hungry"])
    register("faulty", raising(ZeroDivisionError("by zero")))
    with pytest.raises(UntrainedError, match=r"^faulty: ZeroDivisionError: by zero"):
        measure(net, x, None, ["faulty"])


def test_measure_draws_its_seed_from_the_given_generator(x):
    def draw(seed):
        generator = torch.Generator().manual_seed(seed)
        scores = [measure(nn.Flatten(), x, None, ["random"], generator=generator)["random"]]
        return [*scores, measure(nn.Flatten(), x, None, ["random"], generator=generator)["random"]]

    first, second = draw(1)
    assert first != second
    assert draw(1) == [first, second]
    assert draw(2) != [first, second]
    without = [measure(nn.Flatten(), x, None, ["random"])["random"] for _ in range(2)]
    assert without[0] == without[1]


def test_what_is_not_logits_is_unsupported(x):
    class Returns(nn.Module):
        def __init__(self, shape_it):
            super().__init__()
            self.shape_it = shape_it
            self.layer = nn.Linear(192, 4)

        def forward(self, x):
            return self.shape_it(torch.relu(self.layer(x.flatten(1))))

    pairs = Returns(lambda z: (z, z)).double()
    with pytest.raises(Unsupported, match=r"returns a tuple; .*wrap the network"):
        measure(pairs, x, None, ["naswot"])
    flat = Returns(lambda z: z.sum(1)).double()
    with pytest.raises(Unsupported, match=r"shape \(6,\) for a batch of 6"):
        measure(flat, x, None, ["jacov"])


def test_batch_norm_over_one_vector_is_unsupported(x):
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 4), nn.BatchNorm1d(4), nn.ReLU()).double()
    with pytest.raises(Unsupported, match="a batch of one cannot be normalised"):
        measure(net, x[:1], None, ["naswot"])
    scores = measure(net, x[:1], None, ["flops", "depth", "synflow"])
    assert all(math.isfinite(value) for value in scores.values())


@pytest.mark.parametrize("fails", [False, True])
def test_attributes_that_an_indicator_sets_are_put_back(register, x, fails):
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 2)).double()
    network.old = "before"

    def spoils(m):
        m.network.old, m.network.new = "after", 1
        if fails:
            raise RuntimeError("in the middle")
        return 1.0

    register("spoils", spoils)
    register("next", lambda m: float(m.network.old == "before" and not hasattr(m.network, "new")))
    with Measurement(network, [(x, None)]) as m:
        found = read(m, ["spoils", "next"])
    assert found["next"].value == 1
    assert network.old == "before"
    assert not hasattr(network, "new")
