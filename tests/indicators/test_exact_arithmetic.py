"""Single precision is single precision, whatever the caller told torch and by which interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

import pytest
import torch
from torch import nn

from untrained.harness.execution.executors import SerialExecutor, numeric_settings
from untrained.indicators import measure

b = torch.backends
PLACES = [b, b.cudnn, b.cudnn.conv, b.cudnn.rnn, b.cuda.matmul]
PLACES += [b.mkldnn.conv, b.mkldnn.matmul, b.mkldnn.rnn]
pytestmark = pytest.mark.skipif(
    not hasattr(b.cudnn.conv, "fp32_precision"), reason="torch before 2.9 has one interface"
)


def say(place: Any, precision: str) -> Callable[[], None]:
    return lambda: setattr(place, "fp32_precision", precision)


SETTINGS: dict[str, Callable[[], None]] = {
    "all ieee": say(b, "ieee"),
    "all tf32": say(b, "tf32"),
    "cudnn ieee": say(b.cudnn, "ieee"),
    "cudnn tf32": say(b.cudnn, "tf32"),
    "convolutions ieee": say(b.cudnn.conv, "ieee"),
    "convolutions as cudnn": say(b.cudnn.conv, "none"),
    "products tf32": say(b.cuda.matmul, "tf32"),
    "products bf16 on a CPU": say(b.mkldnn.matmul, "bf16"),
    "products high": lambda: torch.set_float32_matmul_precision("high"),
    "products medium": lambda: torch.set_float32_matmul_precision("medium"),
    "no TF32 in cudnn": lambda: setattr(b.cudnn, "allow_tf32", False),
}


def older() -> list[Any]:
    """What the older interface says; it refuses where it contradicts the newer one."""
    found: list[Any] = []
    for get in (lambda: b.cudnn.allow_tf32, torch.get_float32_matmul_precision):
        try:
            found.append(get())
        except RuntimeError:
            found.append("refused")
    return found


def state() -> tuple[list[Any], list[str]]:
    """Both interfaces, the newer one's own settings without what they inherit."""
    said, own = older(), []
    for place in PLACES:
        own.append(place.fp32_precision)
        place.fp32_precision = "none"
    for place, precision in zip(PLACES, own, strict=True):
        place.fp32_precision = precision
    return said, own


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    (allows, precision), own = state()
    yield
    torch.set_float32_matmul_precision(precision)
    b.cudnn.allow_tf32 = allows
    for place, setting in zip(PLACES, own, strict=True):
        place.fp32_precision = setting


def seen(_: object = None) -> tuple[list[Any], set[str]]:
    return older(), {place.fp32_precision for place in PLACES[2:]}


EXACT = ([False, "highest"], {"ieee"})


@pytest.mark.parametrize("first", SETTINGS)
def test_a_task_computes_in_single_precision_and_leaves_the_settings(first):
    for second, set_second in SETTINGS.items():
        SETTINGS[first]()
        set_second()
        before = state()
        assert [result for _, result in SerialExecutor().run(seen, [0])] == [EXACT], second
        assert state() == before, second


def test_so_does_a_measurement_by_hand(x, y):
    found = []

    class Network(nn.Sequential):
        def forward(self, x):
            found.append((seen(), torch.is_autocast_enabled("cpu")))
            return super().forward(x)

    network = Network(nn.Flatten(), nn.Linear(192, 4))
    for first, second in permutations(("all ieee", "all tf32", "products medium"), 2):
        SETTINGS[first]()
        SETTINGS[second]()
        before = state()
        with torch.autocast("cpu", torch.bfloat16):
            measure(network, x.float(), y, ["grad_norm"])
            assert torch.is_autocast_enabled("cpu")
        assert state() == before
    assert set(map(repr, found)) == {repr((EXACT, False))}


def test_the_record_names_what_the_scores_were_computed_with():
    SETTINGS["all tf32"]()
    with pytest.raises(RuntimeError, match="mix of the legacy and new"):
        torch.get_float32_matmul_precision()
    assert numeric_settings()["matmul_precision"] == "highest"
