"""A score depends on (space, architecture, seed, protocol) and on nothing else."""

from __future__ import annotations

import math
import time

import pytest
import torch

from untrained.foundation import derive
from untrained.harness.data.inputs import batches
from untrained.harness.execution import scoring
from untrained.harness.execution.executors import DeviceLost
from untrained.harness.execution.scoring import score_task
from untrained.harness.study.plan import ScoreTask, Wanted
from untrained.indicators import Need, Protocol, indicators
from untrained.indicators.framework.devices import is_lost
from untrained.indicators.framework.reading import Reading
from untrained.spaces import initialise, spaces

ARCH = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|none~1|nor_conv_3x3~2|"
TINY = Protocol(
    inputs="gaussian", labels="random", batch_size=6, channels=4, cells=1, resolution=16
)


def want(name: str, protocol: Protocol = TINY, members: tuple[str, ...] = (ARCH,)) -> Wanted:
    return Wanted(name, 1, protocol, members)


def score(*wanted: Wanted, seed: int = 0, **fields: object):
    return score_task(ScoreTask("nasbench201", ARCH, wanted, seed, **fields))


def value(*wanted: Wanted, seed: int = 0) -> float:
    (only,) = score(*wanted, seed=seed)
    assert only.status == "ok", only.reason
    return only.value


def test_what_else_is_wanted_changes_no_bit_of_a_score():
    # what trains or takes a backward pass a sample shares nothing and would only take long
    names = [
        name
        for name, item in indicators.items()
        if not name.startswith(("gennas", "ntk"))
        and not item.needs & {Need.ATTENTION, Need.SEQUENCES}
    ]

    def outcomes(order):
        wanted = (want(name, TINY.replace(num_batches=2)) for name in order)
        return {s.indicator: (s.status, repr(s.value), s.reason) for s in score(*wanted)}

    together = outcomes(names)
    assert {status for status, _, _ in together.values()} == {"ok"}
    assert together == outcomes(reversed(names))
    assert together == {name: outcome for n in names for name, outcome in outcomes([n]).items()}


def test_an_indicator_without_labels_reads_the_measurement_of_one_with_labels():
    bare = TINY.replace(labels="none")
    alone = value(want("naswot", bare))
    first, second = score(want("naswot", bare), want("grad_norm"))
    assert first.value == alone
    assert second.value == value(want("grad_norm"))
    assert (first.protocol, second.protocol) == (bare.digest, TINY.digest)


def test_the_network_is_the_one_that_the_derived_seed_draws():
    torch.manual_seed(derive(5, "init", "nasbench201", ARCH))
    network = spaces["nasbench201"].build(ARCH, num_classes=10, channels=4, cells=1).train()
    ((inputs, labels),) = batches(TINY)
    loss = torch.nn.functional.cross_entropy(network(inputs), labels)
    gradients = torch.autograd.grad(loss, list(network.parameters()), allow_unused=True)
    expected = sum(float((g.double() ** 2).sum()) for g in gradients if g is not None)
    assert value(want("nasi"), seed=5) == pytest.approx(expected, rel=1e-5)
    assert value(want("nasi"), seed=5) != value(want("nasi"), seed=6)


def test_what_all_networks_share_is_drawn_from_the_data_seed():
    ones = TINY.replace(inputs="ones", labels="none", batch_size=2)  # the same for any data seed
    drawn = {value(want("gennas_combo_reduced", ones.replace(data_seed=n))) for n in (0, 1)}
    assert len(drawn) == 2


def test_the_global_generator_neither_matters_nor_moves():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = value(want("grad_norm"))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert value(want("grad_norm")) == first


def test_float64_is_the_same_network_and_input_up_to_rounding():
    wide = TINY.replace(dtype="float64")
    assert value(want("grad_norm", wide)) == pytest.approx(value(want("grad_norm")), rel=1e-3)
    assert value(want("grad_norm", wide)) != value(want("grad_norm"))


def test_protocols_of_different_networks_and_batches_are_measured_apart():
    wider, larger = TINY.replace(channels=8), TINY.replace(batch_size=12)
    protocols = (TINY, wider, larger)
    found = {s.protocol: s.value for s in score(*(want("naswot", p) for p in protocols))}
    assert found == {p.digest: value(want("naswot", p)) for p in protocols}
    assert len(set(found.values())) == 3


def test_a_shared_score_goes_to_all_members_and_names_the_one_measured():
    first, second, other = score(want("naswot_live", members=(ARCH, "x", "y")))
    assert first.value == second.value == other.value
    assert [s.architecture for s in (first, second, other)] == [ARCH, "x", "y"]
    assert [s.representative for s in (first, second, other)] == [None, ARCH, ARCH]


def test_seconds_are_kept_to_three_digits_and_unmeasured_ones_as_nan():
    for seconds, kept in ((0.0123456, 0.0123), (98.7654, 98.8), (0.0, 0.0)):
        task = ScoreTask("nasbench201", ARCH, (want("params"),), 0)
        (only,) = task.scores_of(want("params"), Reading(1.25, "ok", "", alone_s=seconds))
        assert (only.value, only.alone_s) == (1.25, kept)
    (failed,) = task.failed("it broke")
    assert math.isnan(failed.alone_s)


def test_a_network_that_the_space_does_not_build_is_unsupported_for_its_scores_alone():
    space, arch = "nasbenchmacro", "12012021"
    thin = TINY.replace(skeleton="thin", resolution=3, channels=1)
    wanted = (want("naswot", thin, (arch,)), want("naswot", members=(arch,)))
    first, fine = score_task(ScoreTask(space, arch, wanted, 0))
    assert (first.status, fine.status) == ("unsupported", "ok")
    assert math.isnan(first.value)
    assert "the search space 'nasbenchmacro' builds no thin network" in first.reason


def test_an_unknown_initialisation_is_an_error_of_its_scores_alone():
    odd = TINY.replace(initialisation="kaiming_normal_fanin")
    first, fine = score(want("naswot", odd), want("naswot"))
    assert (first.status, fine.status) == ("error", "ok")
    assert (
        "no initialisation named 'kaiming_normal_fanin'; did you mean kaiming_normal_fan_in"
        in first.reason
    )


def test_linear_regions_are_those_of_the_thin_network_that_the_derived_seed_draws():
    protocol = indicators["linear_regions"].protocol.replace(inputs="gaussian", batch_size=200)
    torch.manual_seed(derive(5, "init", "nasbench201", ARCH))
    network = spaces["nasbench201"].build_thin(ARCH, num_classes=10)
    inputs = [x for x, _ in batches(protocol)]
    assert [x.shape for x in inputs] == [(200, 1, 3, 3)] * 3
    codes: list[torch.Tensor] = []
    for module in network.modules():
        if isinstance(module, torch.nn.ReLU):
            module.register_forward_hook(lambda m, x, out: codes.append(out.flatten(1) > 0))
    rows = set()
    for x in inputs:
        codes.clear()
        network(x)
        rows |= {tuple(row) for row in torch.cat(codes, 1).tolist()}
    assert 100 < len(rows) == value(want("linear_regions", protocol), seed=5)


@pytest.mark.parametrize("name", ["kaiming_normal_fan_out", "gaussian"])
def test_an_initialisation_is_drawn_from_the_derived_seed(name: str):
    seed = derive(5, "init", "nasbench201", ARCH)
    torch.manual_seed(99)  # what the constructors draw does not matter
    network = spaces["nasbench201"].build(ARCH, num_classes=10, channels=4, cells=1)
    initialise(network, name, generator=torch.Generator().manual_seed(seed))
    expected = sum(float(p.detach().double().norm()) for p in network.parameters() if p.dim() > 1)
    protocol = TINY.replace(initialisation=name)
    assert value(want("l2_norm", protocol), seed=5) == pytest.approx(expected, rel=1e-6)
    assert value(want("l2_norm", protocol), seed=6) != value(want("l2_norm"), seed=6)


def test_a_malformed_architecture_is_an_error_of_its_scores():
    task = ScoreTask("nasbench201", "no architecture", (want("params"),), 0)
    assert [s.status for s in score_task(task)] == ["error"]
    assert "MalformedInput" in score_task(task)[0].reason


def test_images_that_are_gone_are_an_error_with_a_reason(monkeypatch, tmp_path):
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    images = TINY.replace(inputs="images", labels="true", sample_ids=tuple(range(6)), source="x")
    failed, fine = score(want("naswot", images), want("params"))
    assert (failed.status, fine.status) == ("error", "ok")
    assert "MissingData" in failed.reason


def test_a_failing_indicator_leaves_the_others_alone(add_indicator):
    def broken(measurement):
        raise RuntimeError("on purpose")

    add_indicator("broken", broken)
    scores = score(want("naswot"), want("broken"), want("grad_norm"))
    assert [s.status for s in scores] == ["ok", "error", "ok"]
    assert "on purpose" in scores[1].reason
    assert scores[2].value == value(want("grad_norm"))


def test_a_gpu_that_stays_broken_ends_the_work_instead_of_giving_scores(add_indicator, monkeypatch):
    sound = [True]

    def breaks(measurement):
        sound[0] = False
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    def synchronize(device=None):
        if not sound[0]:
            raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    def mistaken(measurement):
        raise RuntimeError("a mistake of the indicator")

    add_indicator("breaks", breaks)
    add_indicator("mistaken", mistaken)
    assert [s.status for s in score(want("breaks"), want("naswot"))] == ["error", "ok"]  # a CPU
    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    monkeypatch.setattr(scoring, "is_lost", lambda device: is_lost("cuda:0"))
    sound[0] = True
    assert [s.status for s in score(want("mistaken"), want("naswot"))] == ["error", "ok"]
    with pytest.raises(DeviceLost, match=r"fails whatever.*illegal memory.*Run the same command"):
        score(want("naswot"), want("breaks"), want("naswot"))
    with pytest.raises(DeviceLost):  # where not even a network can be built any more
        score_task(ScoreTask("nasbench201", ARCH, (want("naswot"),), 0, device="cuda:0"))


def test_a_slow_indicator_times_out_alone_although_it_catches_every_exception(add_indicator):
    def stubborn(measurement):
        while True:
            try:
                time.sleep(0.01)
            except Exception:
                continue

    add_indicator("stubborn", stubborn)
    scores = score(want("stubborn"), want("naswot"), timeout_s=2.0)
    assert [s.status for s in scores] == ["timeout", "ok"]
    assert scores[0].reason == "not done after 2 s"
    assert scores[1].value == value(want("naswot"))


def test_after_a_change_that_cannot_be_undone_the_others_have_a_network_of_their_own(add_indicator):
    def destroying(measurement):
        next(measurement.network.parameters()).untyped_storage().resize_(0)
        measurement.inputs.untyped_storage().resize_(0)
        return 1.0

    add_indicator("destroying", destroying)
    other = TINY.replace(data_seed=1)
    scores = score(want("naswot"), want("destroying"), want("nasi"), want("nasi", other))
    assert [s.status for s in scores] == ["ok", "error", "ok", "ok"]
    assert scores[1].reason == "it changes the weights, the batches, which cannot be put back"
    wanted = (want("naswot"), want("nasi"), want("nasi", other))
    assert [s.value for s in scores if s.status == "ok"] == [value(one) for one in wanted]


def test_running_out_of_memory_while_building_has_its_own_status(monkeypatch):
    def build(self, *arguments, **size):
        raise MemoryError

    monkeypatch.setattr(type(spaces["nasbench201"]), "build", build)
    assert [s.status for s in score(want("naswot"))] == ["out_of_memory"]


def test_a_task_and_its_scores_survive_pickling():
    import pickle

    task = ScoreTask("nasbench201", ARCH, (want("params"),), 0)
    assert pickle.loads(pickle.dumps(task)) == task
    scores = score_task(task)
    assert pickle.loads(pickle.dumps(scores)) == scores
