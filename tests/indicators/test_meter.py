"""Accounting with a clock that the test moves."""

import pytest
import torch

from untrained.indicators.framework import quantity as meter_module
from untrained.indicators.framework.quantity import Meter


class Clock:
    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    fake = Clock()
    monkeypatch.setattr(meter_module, "time", fake)
    return fake


def base():
    """A quantity's key."""


def derived():
    """Another's, which uses the first."""


class Session:
    """Quantities of known cost on a meter."""

    def __init__(self, clock):
        self.clock = clock
        self.meter = Meter(torch.device("cpu"))
        self.known = set()

    def compute_base(self):
        if base not in self.known:
            self.known.add(base)
            with self.meter.work(base):
                self.clock.now += 5
        self.meter.use(base)

    def compute_derived(self):
        if derived not in self.known:
            self.known.add(derived)
            with self.meter.work(derived):
                self.clock.now += 1
                self.compute_base()
                self.clock.now += 2
        self.meter.use(derived)


def test_inner_work_is_not_counted_in_the_outer(clock):
    session = Session(clock)
    with session.meter.work() as cost:
        clock.now += 0.5
        session.compute_base()
        clock.now += 0.25
    assert cost.own_s == 0.75
    assert cost.total_s == 5.75


def test_a_reused_quantity_costs_its_reader_as_much_as_its_maker(clock):
    session = Session(clock)
    with session.meter.work() as first:
        session.compute_base()
    with session.meter.work() as second:
        session.compute_base()
        clock.now += 0.5
    assert first.total_s == 5
    assert second.own_s == 0.5
    assert second.total_s == 5.5


def test_a_quantity_used_twice_or_through_another_counts_once(clock):
    session = Session(clock)
    with session.meter.work() as cost:
        session.compute_derived()
        session.compute_base()
        session.compute_derived()
    assert cost.own_s == 0
    assert cost.total_s == 1 + 2 + 5


def test_a_derived_quantity_brings_the_cost_of_its_base_to_a_later_reader(clock):
    session = Session(clock)
    with session.meter.work():
        session.compute_derived()
    with session.meter.work() as later:
        session.compute_derived()
    assert later.total_s == 8


def test_work_between_indicators_belongs_to_none(clock):
    session = Session(clock)
    with session.meter.work() as first:
        clock.now += 1
    clock.now += 1000
    with session.meter.work() as second:
        clock.now += 2
    assert (first.total_s, second.total_s) == (1, 2)


def test_failed_work_is_paid_for(clock):
    session = Session(clock)

    def fail():
        with session.meter.work(base):
            clock.now += 3
            raise KeyError

    with session.meter.work() as cost:
        with pytest.raises(KeyError):
            fail()
        session.meter.use(base)
    assert (cost.own_s, cost.total_s) == (0, 3)


def test_a_cpu_has_no_accelerator_memory(clock):
    with Meter(torch.device("cpu")).work() as cost:
        clock.now += 1
    assert cost.peak_bytes is None


class Memory:
    """An accelerator whose memory the test fills and empties."""

    def __init__(self, monkeypatch):
        self.now = self.peak = 1000  # a network and its batches
        monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
        monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: self.now)
        monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: self.peak)
        monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", self.reset)

    def reset(self, device):
        self.peak = self.now

    def add(self, size):
        self.now += size
        self.peak = max(self.peak, self.now)


@pytest.mark.parametrize("read_before", [False, True])
def test_the_peak_of_memory_is_the_works_own_whatever_was_read_before(monkeypatch, read_before):
    memory = Memory(monkeypatch)
    meter = Meter(torch.device("cuda:0"))
    known = set()

    def compute(key, *, transient, kept, of=()):
        if key not in known:
            known.add(key)
            with meter.work(key):
                for inner in of:
                    inner()
                memory.add(kept + transient)
                memory.add(-transient)
        meter.use(key)

    def compute_base():
        compute(base, transient=50, kept=10)

    def compute_derived():
        compute(derived, transient=5, kept=3, of=[compute_base])

    def other():
        with meter.work():
            compute(other, transient=700, kept=400)

    def indicator():
        with meter.work() as cost:
            memory.add(20)
            compute_derived()
            memory.add(1)
            memory.add(-21)
        return cost

    if read_before:
        other()
        indicator()
    cost = indicator()
    # 60 for the base alone; 10 + 8 for what is derived of it; 10 + 3 + 21 at last
    assert (cost.own_peak_bytes, cost.peak_bytes) == (21, 60)
    with meter.work() as cost:
        compute_derived()
        memory.add(55)
    assert (cost.own_peak_bytes, cost.peak_bytes) == (55, 10 + 3 + 55)


def test_any_accelerator_is_waited_for(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.accelerator, "synchronize", waited.append)
    with Meter(torch.device("mps")).work() as cost:
        assert waited == [torch.device("mps")]
    assert len(waited) == 2
    assert cost.peak_bytes is None
