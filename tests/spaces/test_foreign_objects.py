"""Objects that other tools work with are read wherever an architecture is."""

from __future__ import annotations

import json
from collections import namedtuple
from types import SimpleNamespace

import numpy as np
import pytest

from untrained.foundation import MalformedInput
from untrained.spaces import spaces
from untrained.spaces.darts.configuration import PREFIX, to_configuration

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|"
Genotype = namedtuple("Genotype", "normal normal_concat reduce reduce_concat")
NODES = [("sep_conv_3x3", 1), ("max_pool_3x3", 0), *[("skip_connect", 0), ("dil_conv_5x5", 2)] * 3]
GENOTYPE = Genotype(NODES, range(2, 6), NODES, [2, 3, 4, 5])
DARTS_CELL = "|max_pool_3x3~0|sep_conv_3x3~1|+" + "+".join(["|skip_connect~0|dil_conv_5x5~2|"] * 3)
TEXT = f"{DARTS_CELL};{DARTS_CELL}"


def test_a_structure_of_nats_bench_is_an_architecture() -> None:
    utils = pytest.importorskip("nats_bench.genotype_utils")
    space = spaces["nasbench201"]
    structure = utils.topology_str2structure(CELL)
    assert space.parse(structure).text == CELL
    assert structure in space
    sizes = {"num_classes": 10, "channels": 4, "cells": 1}
    assert space.num_parameters(structure, **sizes) == space.num_parameters(CELL, **sizes)
    assert len(space.neighbors(structure)) == 24


def with_numpy_sources() -> Genotype:
    nodes = [(op, np.int64(source)) for op, source in NODES]
    return GENOTYPE._replace(normal=nodes, reduce=nodes)


@pytest.mark.parametrize("form", ["genotype", "numpy", "dictionary", "configuration", "json"])
def test_forms_of_nasbench301_are_architectures(form: str) -> None:
    darts = spaces["darts"]
    configuration = to_configuration(darts.genotype(TEXT))
    item = {
        "genotype": GENOTYPE,
        "numpy": with_numpy_sources(),
        "dictionary": {**configuration, "OptimizerSelector:sgd:learning_rate": 0.025},
        "configuration": SimpleNamespace(get_dictionary=lambda: configuration),
        "json": json.dumps(configuration),
    }[form]
    assert darts.parse(item).text == TEXT
    assert item in darts


def test_other_objects_are_refused_with_their_type() -> None:
    for name in ("nasbench201", "darts", "nasbench101"):
        with pytest.raises(MalformedInput, match=r"is a float.*Give its text"):
            spaces[name].parse(0.5)
        assert 0.5 not in spaces[name]
    with pytest.raises(MalformedInput, match=f"its entry {PREFIX}.* is missing"):
        spaces["darts"].parse("{}")
    with pytest.raises(MalformedInput, match="no dictionary"):
        spaces["darts"].parse("{1, 2")
    with pytest.raises(MalformedInput, match="has the operation 'conv'"):
        spaces["darts"].parse(GENOTYPE._replace(normal=[("conv", 0)] * 8))
