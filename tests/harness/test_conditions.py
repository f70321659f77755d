"""What a run asks for changes exactly those parts of a reference protocol."""

from __future__ import annotations

import numpy as np
import pytest

from untrained.foundation import MalformedInput, MissingData, UnknownName
from untrained.harness.data.datasets import datasets
from untrained.harness.study.conditions import protocols, read_protocols, resolve
from untrained.harness.study.plan import plan_study
from untrained.harness.study.study import Conditions
from untrained.indicators import Protocol
from untrained.spaces import spaces

REFERENCE = Protocol(batch_size=48, labels="true", channels=12, cells=3, batch_norm="eval")
THIN = Protocol(
    batch_size=30, num_batches=3, resolution=3, labels="none", channels=1, cells=1, skeleton="thin"
)
NO_BATCH = Protocol(inputs="none", labels="none", dtype="float64")


@pytest.mark.usefixtures("image_file")
@pytest.mark.parametrize("inputs", ["gaussian", "cifar10"])
def test_what_a_paper_measures_on_noise_stays_on_noise(inputs):
    reference = Protocol(inputs="gaussian", batch_size=1, resolution=64, labels="none")
    protocol = resolve(reference, Conditions(inputs=inputs, seed=3))
    assert protocol == reference.replace(data_seed=3)
    usual = resolve(reference.replace(resolution=32), Conditions(inputs=inputs, dataset="cifar10"))
    assert (usual.inputs, usual.resolution) == ("gaussian", 32)
    assert resolve(reference, Conditions(inputs="ones")).inputs == "ones"
    together = resolve(reference, Conditions(inputs=inputs, protocol="shared", batch_size=2))
    assert together.inputs == ("images" if inputs == "cifar10" else "gaussian")
    assert together.resolution == 32


def test_gaussian_inputs_keep_the_rest_of_the_reference_and_draw_labels():
    expected = REFERENCE.replace(inputs="gaussian", labels="random", data_seed=7)
    assert resolve(REFERENCE, Conditions(inputs="gaussian", seed=7)) == expected


def test_an_indicator_without_labels_gets_none():
    protocol = resolve(REFERENCE.replace(labels="none"), Conditions(inputs="gaussian"))
    assert protocol.labels == "none"


@pytest.mark.parametrize("name", sorted(datasets))
def test_the_dataset_decides_shape_and_classes(name: str):
    protocol = resolve(REFERENCE, Conditions(inputs="ones", dataset=name))
    dataset = datasets[name]
    assert (protocol.dataset, protocol.resolution, protocol.num_classes) == (
        name,
        dataset.resolution,
        dataset.num_classes,
    )


def test_a_score_without_a_batch_ignores_inputs_data_seed_and_batch_size():
    one = resolve(NO_BATCH, Conditions(inputs="gaussian", seed=1, batch_size=3))
    two = resolve(NO_BATCH, Conditions(inputs="ones", seed=2, protocol="shared"))
    assert one == two == NO_BATCH
    other = resolve(NO_BATCH, Conditions(inputs="gaussian", dataset="cifar100", channels=4))
    assert (other.num_classes, other.channels) == (100, 4)


def test_overrides_win_over_the_reference():
    protocol = resolve(REFERENCE, Conditions(inputs="gaussian", batch_size=5, channels=4, cells=1))
    assert (protocol.batch_size, protocol.channels, protocol.cells) == (5, 4, 1)


def test_a_shared_protocol_is_one_for_all():
    conditions = Conditions(inputs="gaussian", protocol="shared")
    other = Protocol(batch_size=3, labels="none", dtype="float64", cells=9)
    assert resolve(REFERENCE, conditions).digest == resolve(other, conditions).digest


def test_unknown_inputs_and_datasets_suggest_the_nearest():
    with pytest.raises(UnknownName, match="no input source named 'cifar11'; did you mean cifar10"):
        resolve(REFERENCE, Conditions(inputs="cifar11"))
    with pytest.raises(UnknownName, match="no dataset named 'cifar-100'; did you mean cifar100"):
        resolve(REFERENCE, Conditions(inputs="gaussian", dataset="cifar-100"))


def test_images_do_not_come_in_the_shape_of_another_dataset():
    with pytest.raises(MalformedInput, match="'cifar10' images, but the dataset is 'cifar100'"):
        resolve(REFERENCE, Conditions(inputs="cifar10", dataset="cifar100"))


def test_an_initialisation_wins_for_what_follows_it_with_or_without_a_batch():
    conditions = Conditions(inputs="gaussian", initialisation="gaussian")
    for reference in (REFERENCE, NO_BATCH, THIN):
        assert resolve(reference, conditions).initialisation == "gaussian"
        kept = resolve(reference, conditions, follows_initialisation=False)
        assert kept == resolve(reference, Conditions(inputs="gaussian"))
    kaiming = REFERENCE.replace(initialisation="kaiming_normal_fan_in")
    assert resolve(kaiming, Conditions(inputs="ones")).initialisation == "kaiming_normal_fan_in"
    back = Conditions(inputs="ones", initialisation="default")
    assert resolve(kaiming, back).initialisation == "default"


def test_a_study_gives_its_initialisation_to_the_indicators_that_follow_one(tiny_study):
    names = ["naswot", "synflow", "az_expressivity", "linear_regions", "params", "zen"]
    (plan,) = plan_study(tiny_study(indicators=names, initialisation="gaussian"))
    found = {name: protocol.initialisation for name, protocol in plan.protocols.items()}
    assert found == dict.fromkeys(names[:4], "gaussian") | dict.fromkeys(names[4:], "default")
    (plan,) = plan_study(tiny_study(indicators=names))
    assert plan.protocols["az_expressivity"].initialisation == "kaiming_normal_fan_in"
    thin = plan.protocols["linear_regions"]
    assert (thin.channels, thin.cells, thin.resolution, thin.skeleton) == (1, 1, 3, "thin")


def test_an_unknown_initialisation_suggests_the_nearest():
    conditions = Conditions(inputs="gaussian", initialisation="kaiming_normal_fanout")
    with pytest.raises(UnknownName, match="did you mean kaiming_normal_fan_out"):
        resolve(REFERENCE, conditions)


@pytest.mark.parametrize("shared", [False, True])
def test_a_thin_network_keeps_its_size_and_that_of_its_inputs(shared: bool):
    conditions = Conditions(
        inputs="gaussian",
        dataset="cifar100",
        protocol="shared" if shared else "reference",
        channels=16,
        cells=5,
        seed=3,
    )
    expected = THIN.replace(inputs="gaussian", dataset="cifar100", num_classes=100, data_seed=3)
    assert resolve(THIN, conditions) == expected
    assert resolve(THIN, Conditions(inputs="ones", batch_size=7)).batch_size == THIN.batch_size


@pytest.mark.usefixtures("image_file")
def test_crops_go_through_all_images_before_one_is_drawn_again():
    protocol = resolve(THIN.replace(batch_size=20), Conditions(inputs="cifar10"))
    assert len(protocol.sample_ids) == 60
    assert set(protocol.sample_ids[:24]) == set(protocol.sample_ids[24:48]) == set(range(24))
    assert protocol.sample_ids[:24] != protocol.sample_ids[24:48]
    assert len(set(protocol.sample_ids[48:])) == 12
    whole = resolve(REFERENCE.replace(batch_size=24), Conditions(inputs="cifar10"))
    assert protocol.sample_ids[:24] == whole.sample_ids
    other = resolve(THIN.replace(batch_size=20), Conditions(inputs="cifar10", seed=1))
    assert other.sample_ids != protocol.sample_ids


@pytest.mark.usefixtures("image_file")
def test_more_images_than_there_are_cannot_be_drawn():
    with pytest.raises(MalformedInput, match=r"48 x 1 images of CIFAR-10 is wanted.*holds 24"):
        resolve(REFERENCE, Conditions(inputs="cifar10"))


def test_indicators_are_chosen_by_pattern_each_once(tiny_study):
    (plan,) = plan_study(tiny_study(indicators=["ntk_trace*", "naswot", "ntk_trace", "params"]))
    assert list(plan.protocols) == [
        *("ntk_trace", "ntk_trace_label", "ntk_trace_sumlogit", "naswot", "params")
    ]


def test_random_labels_take_the_place_of_true_ones_where_labels_matter(image_file, tiny_study):
    names = ["nasi", "naswot", "params"]
    plans = {
        labels: plan_study(
            tiny_study(indicators=names, inputs="cifar10", labels=labels, batch_size=4)
        )[0]
        for labels in ("true", "random")
    }
    found = {labels: plan.protocols for labels, plan in plans.items()}
    assert found["random"]["nasi"] == found["true"]["nasi"].replace(labels="random")
    for name in ("naswot", "params"):
        assert found["random"][name] == found["true"][name]


CELL_SPACES = ["darts", "nds_amoeba", "nds_darts", "nds_enas", "nds_nasnet", "nds_pnas"]


@pytest.mark.parametrize("name", CELL_SPACES)
def test_a_network_of_the_reference_protocol_has_every_kind_of_cell(name):
    """Kernels are taken with one cell a stage, which would be a reduction and no normal cell."""
    space = spaces[name]
    protocol = protocols(Conditions(inputs="gaussian"), ["ntk_condition"], space=name)
    size = {"channels": 4, "cells": protocol["ntk_condition"].cells, "num_classes": 2}
    for seed in range(10):
        network = space.build(space.sample(np.random.default_rng(seed)), **size)
        assert {cell.reduction for cell in network.get_submodule("cells")} == {False, True}
    whole = Conditions(inputs="gaussian", cells=1)
    assert protocols(whole, ["ntk_condition"], space=name)["ntk_condition"].cells == 1


def test_cells_of_other_spaces_and_of_thin_networks_are_those_of_the_protocol():
    for name, cells in (("nasbench201", 1), ("nasbench101", 1), ("darts", 3)):
        found = protocols(Conditions(inputs="gaussian"), ["ntk_condition"], space=name)
        assert found["ntk_condition"].cells == cells
    thin = protocols(Conditions(inputs="gaussian"), ["linear_regions"], space="darts")
    assert thin["linear_regions"].cells == 1


def test_recorded_protocols_say_which_images_were_shown(image_file):
    conditions = Conditions(inputs="cifar10", seed=3, batch_size=2)
    of_seeds = [resolve(REFERENCE, conditions.model_copy(update={"seed": i})) for i in (3, 4)]
    image_file.unlink()
    with pytest.raises(MissingData):
        resolve(REFERENCE, conditions)
    texts = [one.replace(options=(("a", 1.0),)).canonical for one in of_seeds]
    recorded = read_protocols([*texts, "{}", texts[0]])
    assert len(recorded) == 2
    assert resolve(REFERENCE, conditions, recorded=recorded) == of_seeds[0]
    for other in (conditions.model_copy(update={"seed": 5}), Conditions(inputs="cifar10", seed=3)):
        with pytest.raises(MissingData):
            resolve(REFERENCE, other, recorded=recorded)
    of_two_files = [*recorded, recorded[0].replace(source="0" * 64)]
    with pytest.raises(MissingData):
        resolve(REFERENCE, conditions, recorded=of_two_files)
