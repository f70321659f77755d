"""Freed memory is used again, and garbage collections leave out what stays."""

import ctypes
import gc
import platform
import resource

import pytest
import torch

from untrained.harness.execution import process_memory
from untrained.harness.execution.process_memory import memory_kept

MB = 2**20
ROUNDS, MAPS, PAGE = 10, 6, 4096


@pytest.fixture(autouse=True)
def nothing_frozen(monkeypatch):
    """The suite has frozen what it collected; here nothing is, as in a process of a user."""
    monkeypatch.setattr(process_memory, "_program_freezes", False)
    gc.unfreeze()
    yield
    gc.collect()
    gc.freeze()


def faults_of_maps() -> int:
    """Page faults of six maps of 8 MB, written to and freed together, ten times."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(ROUNDS):
        maps = [torch.ones(8 * MB // 4) for _ in range(MAPS)]
        del maps
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_maps_take_the_memory_of_earlier_ones():
    with memory_kept():
        faults_of_maps()
        assert faults_of_maps() < ROUNDS * MAPS * (8 * MB // PAGE) / 10


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    with memory_kept():
        pass


class Kept(list):
    """A container, which the collector follows."""


def test_collections_pass_over_what_exists_and_see_what_comes():
    before = Kept()
    assert any(one is before for one in gc.get_objects())
    with memory_kept():
        after = Kept()
        objects = gc.get_objects()
        assert not any(one is before for one in objects)
        assert any(one is after for one in objects)
    assert gc.get_freeze_count() == 0
    assert any(one is before for one in gc.get_objects())


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_the_outermost_context_counts():
    with memory_kept():
        with memory_kept():
            pass
        assert gc.get_freeze_count() > 0
        faults_of_maps()
        assert faults_of_maps() < ROUNDS * MAPS * (8 * MB // PAGE) / 10


def test_what_a_program_has_frozen_stays_frozen():
    gc.freeze()
    try:
        with memory_kept():
            pass
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
