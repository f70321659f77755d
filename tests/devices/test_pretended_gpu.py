"""Every indicator, space and search on a pretended GPU: in place, with the CPU's values, in budget.

A launch is an operation that starts a kernel; a wait is one whose result the host needs before it
goes on. Both are counted on tiny networks, where they depend on layers and passes alone.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pretended_gpu
import pytest
import torch
from pretended_gpu import Requests
from pretended_gpu import pretended_gpu as gpu
from torch import Tensor, nn

from untrained.harness.contract import fixtures
from untrained.harness.execution.scoring import score_task
from untrained.harness.search import Domain, Problem, Search, run_search, searchers
from untrained.harness.search.evaluators.supernet import SupernetEvaluator, SupernetMeter
from untrained.harness.study.conditions import resolve
from untrained.harness.study.plan import ScoreTask, Wanted
from untrained.harness.study.study import Conditions
from untrained.harness.study.study_file import load_study
from untrained.indicators import Measurement, Need, indicators
from untrained.indicators.framework.indicator import Indicator
from untrained.indicators.framework.reading import Reading, read_items
from untrained.indicators.quantities.forward import forward
from untrained.spaces import spaces
from untrained.spaces.framework import network, supernet
from untrained.spaces.framework.supernet_layout import OperationMask

pytestmark = pytest.mark.skipif(
    pretended_gpu.register is None, reason="torch before 2.9 has no backend in Python"
)
SAMPLES = 3

GENNAS = {"gennas_search_nasbench101_10"}  # one of a kind of training is enough
NAMES = [
    name
    for name in indicators
    if Need.SEQUENCES not in indicators[name].needs
    and (name in GENNAS or not name.startswith("gennas"))
]


ROUNDED = {"dss": 1e-8}  # nuclear norms of matrices with singular values near zero
OTHERS = (4, 250)
BUDGETS = {  # waits and launches on the specimen of 97 tensors, 3 cells and 14 ReLUs
    "croze": (24, 1421),
    "dextr": (5, 1337),
    "dss": (12, 250),
    "epsinas": (6, 360),
    "epsinas_float32": (6, 360),
    "eznas": (15, 282),
    "fisher": (3, 334),
    "gennas_search_nasbench101_10": (3, 4492),
    "gradsign": (3, 451),
    "grasp": (3, 1526),
    "l_swag": (24, 774),
    "naswot_live": (33, 384),
    "ntk_condition": (2, 358),
    "ntk_condition_frozen": (3, 637),
    "ntk_condition_full": (2, 1161),
    "ntk_condition_label": (3, 401),
    "ntk_generalization": (5, 697),
    "ntk_trace": (2, 1860),
    "ntk_trace_label": (3, 453),
    "ntk_trace_sumlogit": (2, 388),
    "rbflex": (13, 306),
    "rcor": (16, 385),
    "robust_zcp": (8, 498),
    "snr": (2, 266),
    "synaptic_diversity": (10, 155),
    **dict.fromkeys(("t_cet", "t_cet_log", "t_cet_log1p", "t_cet_norm"), (4, 517)),
    "vkdnw": (2, 1591),
    "vkdnw_released": (2, 1602),
    "wrcor": (16, 385),
    "zen": (3, 436),
    "zen_released": (3, 437),
    "zico": (12, 620),  # a layer of which some gradients do not vary is looked through
    "zico_bc": (14, 720),
}


@pytest.fixture(autouse=True)
def _plain_layout(monkeypatch):
    """On the CPU too networks have a GPU's layout, so that values agree to the last bits."""
    for module in (network, supernet):
        monkeypatch.setattr(module, "fastest_layout", lambda network: torch.contiguous_format)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def specimen(item: Indicator) -> tuple[nn.Module, list[tuple[Tensor, Tensor | None]]]:
    """A network of each operation and two batches, in float64."""
    if item.id.startswith(("linear_regions", "regions")):
        draws = (torch.Generator().manual_seed(i) for i in (0, 1))
        shape = (20, 1, 3, 3)
        images = [torch.randn(shape, generator=draw, dtype=torch.float64) for draw in draws]
        return fixtures.thin_network(), [(x, None) for x in images]
    pairs = [(x[:SAMPLES], y[:SAMPLES]) for x, y in fixtures.batches()]
    if Need.ATTENTION in item.needs:
        return fixtures.attentive_network(), pairs
    return fixtures.network(), pairs


def measured(item: Indicator, device: str) -> Reading:
    built, pairs = specimen(item)
    moved = [(x.to(device), None if y is None else y.to(device)) for x, y in pairs]
    with Measurement(built.to(device), moved) as measurement:
        return read_items(measurement, [item])[item.id]


def asked_of_gpu(item: Indicator) -> tuple[Reading, Requests]:
    with gpu() as requests:
        return measured(item, "cuda:0"), requests


@cache
def of_any() -> Requests:
    """What is asked whatever is read: copies of buffers, and whether weights are as they were."""
    return asked_of_gpu(indicators["params"])[1]


def test_what_is_asked_for_any_indicator_is_little():
    assert of_any().waits.total() <= 1
    assert of_any().launches.total() <= 16


@pytest.mark.parametrize("name", NAMES)
def test_an_indicator_is_the_cpus_and_within_its_budget(name: str):
    usual = measured(indicators[name], "cpu")
    reading, requests = asked_of_gpu(indicators[name])
    assert (reading.status, usual.status) == ("ok", "ok"), reading.reason
    assert reading.value == pytest.approx(usual.value, rel=ROUNDED.get(name, 1e-9))
    waits, launches = BUDGETS.get(name, OTHERS)
    least = of_any()
    assert requests.waits.total() <= waits + least.waits.total(), requests.waits
    assert requests.launches.total() <= launches + least.launches.total(), requests.launches


SMALL = Conditions(inputs="gaussian", batch_size=8, channels=4, cells=1)
TINY = Conditions(inputs="gaussian", batch_size=2, channels=4, cells=1)
CELL = "|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|none~0|nor_conv_3x3~1|skip_connect~2|"
WAITS, LAUNCHES = 377, 4823
"""Of the list below when it asked for a number a layer."""


def scores(
    space: str, architecture: str, names: list[str], device: str, conditions: Conditions
) -> dict[str, tuple]:
    """Score a network as a run does."""
    items = [indicators[name] for name in names]
    wanted = tuple(
        Wanted(
            item.id,
            item.version,
            resolve(item.protocol, conditions, follows_initialisation=item.follows_initialisation),
            (architecture,),
        )
        for item in items
    )
    task = ScoreTask(space, architecture, wanted, 0, device)
    return {one.indicator: (one.status, one.value, one.reason) for one in score_task(task)}


def assert_agree(found: dict[str, tuple], usual: dict[str, tuple]) -> None:
    for name, (status, value, reason) in found.items():
        assert status == usual[name][0], (name, reason, usual[name])
        assert value == pytest.approx(usual[name][1], rel=1e-4, nan_ok=True), name


def test_the_default_list_of_a_study_waits_a_quarter_and_launches_half():
    names = list(load_study("nasbench201-cifar10").study.indicators)
    usual = scores("nasbench201", CELL, names, "cpu", SMALL)
    with gpu() as requests:
        found = scores("nasbench201", CELL, names, "cuda:0", SMALL)
    assert_agree(found, usual)
    assert {status for status, _, _ in found.values()} == {"ok"}
    assert requests.waits.total() <= WAITS // 4, requests.waits.most_common(8)
    assert requests.launches.total() <= LAUNCHES // 2, requests.launches.most_common(8)
    # four networks of weights and counts, the batches of 15 protocols at most once a process
    assert requests.uploads.total() <= 4 * 2 + 2 * 15 + 1, requests.uploads.most_common(8)


OF_SPACES = ["grad_norm", "zen"]


@pytest.mark.parametrize(
    "name",
    [
        *("darts", "nasbench101", "nds_amoeba", "nds_resnext-a", "mobilenetv2"),
        *("transnasbench101_macro", "transnasbench101_micro"),
    ],
)
def test_the_networks_of_a_space_stay_on_the_gpu(name: str):
    space = spaces[name]
    architecture = str(space.sample(np.random.default_rng(0)))
    usual = scores(name, architecture, OF_SPACES, "cpu", TINY)
    with gpu():
        found = scores(name, architecture, OF_SPACES, "cuda:0", TINY)
    assert_agree(found, usual)


def without_moving(m: Measurement) -> float:
    return float((forward(m).logits.detach() * torch.ones(SAMPLES, 1, dtype=m.dtype)).sum())


def drawing_there(m: Measurement) -> float:
    draws = torch.randn(3, device=m.device, generator=m.generator("a mistake"))
    return float(draws.sum())


def drawing_in_place(m: Measurement) -> float:
    return float(torch.zeros_like(m.inputs).normal_(generator=m.generator("a mistake")).sum())


def adding_up_here(m: Measurement) -> float:
    total = torch.zeros((), dtype=m.dtype)
    total += forward(m).logits.sum()
    return float(total)


def without_fetching(m: Measurement) -> float:
    return float(forward(m).logits.detach().numpy().sum())


def with_a_layer_left_behind(m: Measurement) -> float:
    head = nn.Linear(forward(m).logits.shape[1], 1, dtype=m.dtype)
    return float(head(forward(m).logits).sum())


def with_a_target_left_behind(m: Measurement) -> float:
    return float(nn.functional.cross_entropy(forward(m).logits, m.labels.cpu()))


def with_a_list_for_a_tensor(m: Measurement) -> float:
    return float(np.mean(list(forward(m).logits.detach())))


@pytest.mark.parametrize(
    "mistake",
    [
        *(without_moving, drawing_there, drawing_in_place, adding_up_here, without_fetching),
        *(with_a_layer_left_behind, with_a_target_left_behind, with_a_list_for_a_tensor),
    ],
)
def test_what_a_gpu_refuses_is_an_error_of_the_indicator(mistake):
    item = replace(indicators["params"], id=mistake.__name__, function=mistake)
    assert measured(item, "cpu").status == "ok"
    reading, _ = asked_of_gpu(item)
    assert reading.status == "error"
    line = mistake.__code__.co_firstlineno
    found = re.search(r"at tests/devices/test_pretended_gpu\.py:(\d+)", reading.reason)
    assert found is not None, reading.reason
    assert line < int(found[1]) < line + 4


def a_number_a_layer(m: Measurement) -> float:
    return sum(float(p.detach().sum()) for p in m.network.parameters())


def test_a_wait_a_layer_is_over_any_budget():
    item = replace(indicators["params"], id="mistaken", function=a_number_a_layer)
    reading, requests = asked_of_gpu(item)
    assert reading.status == "ok"
    waits = requests.waits.total() - of_any().waits.total()
    assert waits == len(list(fixtures.network().parameters())) > OTHERS[0]


def test_a_supernet_is_measured_on_the_gpu():
    space = spaces["nasbench201"]
    mask = OperationMask.full(space.supernet_layout, without=("none",)).text
    names = ["ntk_condition", "linear_regions"]
    usual = SupernetMeter(space, TINY).scores(mask, names, 0)
    with gpu():
        found = SupernetMeter(space, TINY, device="cuda:0").scores(mask, names, 0)
    assert found == pytest.approx(usual, rel=1e-3)


def test_a_step_of_nasi_runs_on_the_gpu():
    space = spaces["nasbench201"]
    problem = Problem(Domain(space), "cifar10")

    def found(device: str) -> str:
        evaluator = SupernetEvaluator(problem, SupernetMeter(space, TINY, device=device))
        search = Search(searchers["nasi"], problem, np.random.default_rng(0), {"steps": 1})
        return run_search(search, evaluator).final

    usual = found("cpu")
    with gpu():
        assert found("cuda:0") == usual
