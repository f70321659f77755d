"""Golden networks, their scores, and findings about changes of these scores."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from untrained.foundation import derive
from untrained.harness.execution.executors import isolated
from untrained.harness.execution.process_memory import memory_kept
from untrained.harness.gate.baseline_files import GoldenScore, rounded, score_text
from untrained.indicators import Measurement, Reading, indicators, read
from untrained.results import Finding
from untrained.spaces import Network, spaces

NUM_CLASSES = 3
BATCH_SIZE = 4
NUM_BATCHES = 2
PIXELS = 8
CHANNELS = 3
THIN_BATCH_SIZE = 100
"""Pieces of three pixels, for counts of linear regions."""


@dataclass(frozen=True, slots=True)
class GoldenNetwork:
    """A network with golden scores."""

    name: str
    space: str
    architecture: str
    pixels: int = PIXELS


GOLDEN_NETWORKS: tuple[GoldenNetwork, ...] = (
    GoldenNetwork(
        "every_operation",
        "nasbench201",
        "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|",
    ),
    GoldenNetwork(
        "no_convolution",
        "nasbench201",
        "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|skip_connect~0|avg_pool_3x3~1|skip_connect~2|",
    ),
    GoldenNetwork(
        "dead_node",
        "nasbench201",
        "|none~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|nor_conv_3x3~0|skip_connect~1|nor_conv_1x1~2|",
    ),
)
"""All operations; nothing but pooling; a convolution of zeros. One cell a stage, three channels."""
OTHER_NETWORKS: tuple[GoldenNetwork, ...] = (
    GoldenNetwork(
        "vision_transformer",
        "pit",
        '{"base_dim":24,"depth":[1,4,2],"mlp_ratio":2,"num_heads":[2,2,4]}',
        pixels=32,
    ),
    GoldenNetwork(
        "recurrent_cell",
        "nasbenchnlp",
        '{"node_0":{"op":"linear","input":["h_prev_0","x"]},'
        '"h_new_0":{"op":"activation_tanh","input":["node_0"]}}',
    ),
)
"""Networks for the indicators that have no score of any cell of convolutions."""


def golden_measurement(
    golden: GoldenNetwork, *, thin: bool = False, memory_format: torch.memory_format | None = None
) -> Measurement:
    """Make a measurement of a golden network in float64 and training mode.

    Args:
        thin: use the space's thin network, on which counts of linear regions are defined.
        memory_format: layout of the inputs; by default what the network declares.
    """
    if thin:
        network = spaces[golden.space].build_thin(golden.architecture, num_classes=NUM_CLASSES)
        shape, count = (THIN_BATCH_SIZE, 1, 3, 3), 1
    else:
        network = spaces[golden.space].build(
            golden.architecture, num_classes=NUM_CLASSES, channels=CHANNELS, cells=1
        )
        shape, count = (BATCH_SIZE, 3, golden.pixels, golden.pixels), NUM_BATCHES
    fixed(network, golden.name)
    if memory_format is not None:
        network.memory_format = memory_format
    return Measurement(network, list(golden_batches(shape, count)), seed=derive(0, golden.name))


def fixed(network: Network, name: str) -> None:
    """Give a network float64 weights that depend on its name and its parameters' names alone.

    Weights are uniform with variance 2 / fan-in. Gains and shifts of batch norms vary too, else an
    indicator that ignores them would give the same score.
    """
    network.double()
    for key, parameter in network.named_parameters():
        draws = uniform(f"{name}/{key}", parameter.shape)
        if parameter.dim() > 1:
            draws *= (2 / parameter[0].numel()) ** 0.5
        elif key.endswith("weight"):
            draws = 1 + 0.1 * draws
        else:
            draws *= 0.1
        with torch.no_grad():
            parameter.copy_(draws)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()


def golden_batches(shape: Sequence[int], count: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield inputs and labels; labels count through the classes from the number of the batch."""
    for number in range(count):
        inputs = uniform(f"inputs/{number}", shape)
        yield inputs, (torch.arange(shape[0]) + number) % NUM_CLASSES


def uniform(stream: str, shape: Sequence[int]) -> Tensor:
    """Draw uniform float64 numbers of mean 0 and variance 1 from a named stream."""
    words = np.random.PCG64(derive(0, "golden", stream)).random_raw(int(np.prod(shape)))
    draws = (words >> np.uint64(11)) * 2.0**-53
    return torch.from_numpy((draws - 0.5) * 12**0.5).reshape(tuple(shape))


COSTLY_PASSES = 40
"""Indicators that take more, those that train, are read on the first network alone."""


def golden_readings(
    names: Iterable[str], *, other_kernels: bool = False
) -> dict[tuple[str, str], Reading]:
    """Read indicators on every golden network.

    Those that have no score of any of them are read on the other networks.

    Args:
        other_kernels: compute with torch's plain convolutions in the other memory layout, as
            another machine might: values then differ by what rounding does to them.

    Returns:
        By indicator and name of the network, sorted; what is `unsupported` there is left out.
    """
    wanted = sorted(set(names))
    layout = torch.contiguous_format if other_kernels else None
    found: dict[tuple[str, str], Reading] = {}
    plain = _plain_kernels() if other_kernels else nullcontext()
    with isolated(), memory_kept(), plain:
        for networks in (GOLDEN_NETWORKS, OTHER_NETWORKS):
            for golden in networks:
                names_here = [name for name in wanted if _read_on(golden, name)]
                found |= {
                    (name, golden.name): reading
                    for name, reading in _readings(golden, names_here, layout)
                    if reading.status != "unsupported"
                }
            read_already = {name for name, _ in found}
            wanted = [name for name in wanted if name not in read_already]
    return {key: found[key] for key in sorted(found)}


def _read_on(golden: GoldenNetwork, name: str) -> bool:
    passes = indicators[name].cost.number(
        batch_size=BATCH_SIZE, num_classes=NUM_CLASSES, num_batches=NUM_BATCHES
    )
    return golden == GOLDEN_NETWORKS[0] or sum(passes) <= COSTLY_PASSES


@contextmanager
def _plain_kernels() -> Iterator[None]:
    mkldnn: Any = torch.backends.mkldnn
    before = mkldnn.enabled
    mkldnn.enabled = False  # not by `flags`, which warns about GPUs that are not there
    try:
        yield
    finally:
        mkldnn.enabled = before


def _readings(
    golden: GoldenNetwork, names: list[str], layout: torch.memory_format | None
) -> Iterator[tuple[str, Reading]]:
    for thin in (False, True):
        chosen = [n for n in names if (indicators[n].protocol.skeleton == "thin") == thin]
        if chosen:
            with golden_measurement(golden, thin=thin, memory_format=layout) as measurement:
                yield from read(measurement, chosen).items()


GOLDEN_TOLERANCE = 1e-6
"""Relative, and the least. Golden scores are computed in float64, whose rounding error of 1e-16
other kernels and other orders of summation change; eigenvalues, logarithms and a hundred steps of
training amplify it, and a file of nine digits adds 5e-10. A change of a definition is larger."""
MULTIPLE = 10
"""Of the difference that torch's other kernels make where a baseline is written: a few scores count
signs of gradients that are zero but for rounding (GradSign), and are no more exact than that."""


def golden_findings(
    golden: Sequence[GoldenScore], readings: Mapping[tuple[str, str], Reading]
) -> list[Finding]:
    """Compare golden scores with readings, by indicator and network; one finding an indicator."""
    known = {score.indicator for score in golden}
    networks = sorted({score.network for score in golden})
    found = [
        _finding(name, list(scores), readings, networks)
        for name, scores in groupby(golden, key=lambda score: score.indicator)
    ]
    return found + [
        Finding("golden", name, "new", "has no golden scores yet; --update adds them")
        for name in sorted({name for name, _ in readings} - known)
    ]


def _finding(
    name: str,
    golden: Sequence[GoldenScore],
    readings: Mapping[tuple[str, str], Reading],
    networks: Sequence[str],
) -> Finding:
    if name not in indicators:
        return Finding("golden", name, "missing", "no indicator of that name is installed")
    old, new = golden[0].version, indicators[name].version
    if old != new:
        return Finding(
            "golden", name, "changed", f"not comparable: version {old}, now {new}; --update"
        )
    there = [_gone(score, readings.get((name, score.network))) for score in golden]
    there += _gained(name, golden, readings, networks)
    if any(there):
        return Finding("golden", name, "moved", "; ".join(filter(None, there)), n=len(golden))
    differences = {
        score.network: _difference(score.value, readings[name, score.network].value)
        for score in golden
    }
    limits = {score.network: score.tolerance for score in golden}
    moved = [network for network, value in differences.items() if value > limits[network]]
    worst = max(moved or differences, key=differences.__getitem__)
    text = f"{len(golden)} networks agree"
    if moved:
        was = next(score.value for score in golden if score.network == worst)
        now = readings[name, worst].value
        text = (
            f"{len(moved)} of {len(golden)} networks differ, {worst} most: {was:.9g}, now {now:.9g}"
        )
    return Finding(
        tier="golden",
        subject=name,
        outcome="moved" if moved else "holds",
        text=text,
        measure="relative difference",
        value=differences[worst],
        limit=limits[worst],
        n=len(golden),
    )


def _gone(golden: GoldenScore, reading: Reading | None) -> str:
    """Say how the status of a score has changed; empty if it has not."""
    had = not math.isnan(golden.value)
    if reading is None:
        was = "had a score" if had else "diverged"
        return f"{golden.network}: {was}, is unsupported now"
    if had and reading.status != "ok":
        return f"{golden.network}: was {golden.value:.9g}, now {reading.status} ({reading.reason})"
    if not had and reading.status == "ok":
        return f"{golden.network}: had no score, now {reading.value:.9g}"
    return ""


def _gained(
    name: str,
    golden: Sequence[GoldenScore],
    readings: Mapping[tuple[str, str], Reading],
    networks: Sequence[str],
) -> list[str]:
    """List scores of networks that were unsupported when the baseline was written."""
    had = {score.network for score in golden}
    return [
        f"{network}: was unsupported, now {readings[name, network].value:.9g}"
        for network in networks
        if network not in had
        and (name, network) in readings
        and readings[name, network].status == "ok"
    ]


def _difference(old: float, new: float) -> float:
    """Return the difference relative to the larger; inf if one is infinite, 0 if both are NaN."""
    new = rounded(new) if not math.isnan(new) else new
    if old == new or (math.isnan(old) and math.isnan(new)):
        return 0.0
    if math.isinf(old) or math.isinf(new):
        return math.inf
    return abs(old - new) / max(abs(old), abs(new))


def golden_rows(
    readings: Mapping[tuple[str, str], Reading], others: Mapping[tuple[str, str], Reading]
) -> Iterator[tuple[object, ...]]:
    """Yield the lines of golden scores; the difference of other kernels widens the tolerance."""
    for (name, network), reading in readings.items():
        score = score_text(reading.value) if reading.status == "ok" else reading.status
        rounding = _difference(reading.value, others[name, network].value)
        tolerance = max(GOLDEN_TOLERANCE, MULTIPLE * rounding)
        yield name, network, indicators[name].version, score, f"{tolerance:.1g}"


def golden_names(golden: Iterable[GoldenScore]) -> list[str]:
    """List the indicators of golden scores that are still installed."""
    return sorted({score.indicator for score in golden if score.indicator in indicators})
