"""Freed memory is used again, not handed back and taken anew."""

import ctypes
import platform
import resource

import pytest
import torch

from untrained.harness.execution.freed_memory import freed_memory_kept

MB = 2**20
ROUNDS, MAPS, PAGE = 10, 6, 4096


def faults_of_maps() -> int:
    """Page faults of six maps of 8 MB, written to and freed together, ten times."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(ROUNDS):
        maps = [torch.ones(8 * MB // 4) for _ in range(MAPS)]
        del maps
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_maps_take_the_memory_of_earlier_ones():
    with freed_memory_kept():
        faults_of_maps()
        assert faults_of_maps() < ROUNDS * MAPS * (8 * MB // PAGE) / 10


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    with freed_memory_kept():
        pass
