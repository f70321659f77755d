"""A protocol's digest stands for every field and survives storage."""

from dataclasses import fields

import pytest

from untrained.indicators import Protocol

OTHER = {
    "dataset": "cifar100",
    "inputs": "gaussian",
    "batch_size": 65,
    "num_batches": 2,
    "resolution": 16,
    "num_classes": 100,
    "labels": "random",
    "colours": 1,
    "channels": 8,
    "cells": 1,
    "skeleton": "thin",
    "initialisation": "kaiming",
    "batch_norm": "eval",
    "dtype": "float64",
    "data_seed": 1,
    "sample_ids": (3, 1),
    "source": "ab" * 32,
    "options": (("first", 0.25), ("last", 0.5)),
}


def test_the_cases_name_every_field():
    assert set(OTHER) == {field.name for field in fields(Protocol)}


@pytest.mark.parametrize("field", OTHER)
def test_each_field_changes_the_digest(field):
    changed = Protocol().replace(**{field: OTHER[field]})
    assert changed != Protocol()
    assert changed.digest != Protocol().digest
    assert changed.replace(**{field: getattr(Protocol(), field)}) == Protocol()


def test_order_of_samples_matters():
    assert Protocol(sample_ids=(1, 2)).digest != Protocol(sample_ids=(2, 1)).digest


def test_json_gives_the_protocol_back():
    protocol = Protocol(**OTHER)
    assert Protocol.from_json(protocol.canonical) == protocol
    assert Protocol.from_json(protocol.canonical).digest == protocol.digest


def test_digest_is_pinned():
    # stores of released versions are keyed by it
    assert Protocol().digest == "1faa97508c7fa656"
    assert len(Protocol().digest) == 16


def test_description_names_what_differs():
    text = Protocol().describe()
    for part in (
        "cifar10 images",
        "batch 64",
        "true labels",
        "16 channels x 5 cells",
        "train-mode",
    ):
        assert part in text
    assert "x 2" in Protocol(num_batches=2).describe()
    assert "gaussian inputs" in Protocol(inputs="gaussian").describe()
    assert "labels" not in Protocol(labels="none").describe()
    assert "no batch" in Protocol(inputs="none").describe()
    assert "kaiming initialisation" in Protocol(initialisation="kaiming").describe()


def test_a_field_added_later_leaves_older_digests_alone():
    # both are part of the keys of scores stored before the skeleton was a field
    assert Protocol(inputs="gaussian", batch_size=128, labels="none").digest == "9ff8e15e5ec8448e"
    assert Protocol(inputs="none", batch_size=1, labels="none").digest == "5810bfdd16bccab4"
