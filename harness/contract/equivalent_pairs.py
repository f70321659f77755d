"""Check: architectures of one function score alike exactly if an indicator declares so."""

from __future__ import annotations

import re
from functools import cache

from untrained.harness.contract import fixtures
from untrained.harness.contract.indicator_case import IndicatorCase, Setup, another_seed
from untrained.harness.contract.promise import Suite, require
from untrained.indicators import Measurement, Need, Reading
from untrained.spaces import Network, spaces
from untrained.spaces.nasbench201.function import normal_form
from untrained.spaces.nasbench201.space import NASBench201

EXACT = 1e-9
"""Float64 sums in another order."""
TINY = 1e-300

# members of one class: dead convolutions that are fed by zeros, that are multiplied by zero, a
# skipped node, a sum in another order
PAIRS = (
    (
        "|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
        "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
    ),
    (
        "|none~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|skip_connect~0|nor_conv_3x3~1|avg_pool_3x3~2|",
        "|none~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|",
    ),
    (
        "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|nor_conv_1x1~0|none~1|none~2|",
        "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
    ),
    (
        "|skip_connect~0|+|nor_conv_1x1~0|none~1|+|none~0|nor_conv_3x3~1|skip_connect~2|",
        "|none~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|nor_conv_3x3~0|none~1|skip_connect~2|",
    ),
)

equivalence: Suite[IndicatorCase] = Suite()


def equivalent_networks(pair: int) -> tuple[Network, Network]:
    """Build two members of a functional class of `PAIRS`, with equal weights where they matter."""
    space = spaces["nasbench201"]
    assert isinstance(space, NASBench201)
    forms = [normal_form(space.operations(text)) for text in PAIRS[pair]]
    assert forms[0].text == forms[1].text
    first, second = (
        fixtures.network(text, seed=4 + place) for place, text in enumerate(PAIRS[pair])
    )
    source, target = first.state_dict(), second.state_dict()
    edges = dict(zip(forms[1].convolutions, forms[0].convolutions, strict=True))
    for key in target:
        found = re.match(r"(cells\.\d+\.layers\.)(\d+)(\..*)", key)
        if found is None:
            target[key] = source[key]
        elif int(found[2]) in edges:
            target[key] = source[f"{found[1]}{edges[int(found[2])]}{found[3]}"]
    second.load_state_dict(target)
    return first, second


@cache
def _setups(pair: int, *, similar: bool) -> tuple[Setup, Setup]:
    """Measure both of a pair; `similar` images are so alike that no count of patterns saturates."""

    def measurement(place: int) -> Measurement:
        batches = fixtures.batches()
        if similar:
            x = fixtures.images(7) * 1e-4 + fixtures.images(8, size=1)
            batches = tuple((x, y) for _, y in batches)
        return Measurement(equivalent_networks(pair)[place], batches)

    return (lambda case: measurement(0)), (lambda case: measurement(1))


def _difference(a: Reading, b: Reading) -> float:
    """Return the relative difference; infinite where only one of them has a score."""
    if a.value == b.value or (a.status == b.status != "ok"):
        return 0.0
    if a.status != b.status:
        return float("inf")
    return abs(a.value - b.value) / max(abs(a.value), abs(b.value), TINY)


@equivalence.promise
def functional_twins_score_alike_exactly_if_declared(case: IndicatorCase) -> None:
    """Architectures that compute one function score alike exactly if class_invariant says so."""

    def differs(pair: int, *, similar: bool = False) -> float:
        a, b = (case.reading(s, apart=similar) for s in _setups(pair, similar=similar))
        return _difference(a, b)

    pairs = range(len(PAIRS))
    if case.item.class_invariant:
        for pair in pairs:
            difference = differs(pair)
            require(
                difference < EXACT,
                f"it declares class_invariant=True, but {PAIRS[pair][0]} and {PAIRS[pair][1]}, "
                "which compute the same function with the same weights, differ by "
                f"{difference:.2g} of the score; declare class_invariant=False",
            )
        return
    largest = 0.0
    for pair in pairs:
        largest = max(largest, differs(pair))
        if largest > EXACT:
            return
    if case.needs(Need.RANDOMNESS) and largest == 0:
        # what differs between twins is then the seed, which is derived from the architecture
        require(
            case.reading(another_seed).value != case.usual,
            "it declares randomness, but neither twins nor seeds differ",
        )
        return
    require(
        any(differs(pair, similar=True) > EXACT for pair in pairs),
        "it declares class_invariant=False, but all pairs of architectures of one function score "
        "alike; declare class_invariant=True, so that a run scores one of each class",
    )
