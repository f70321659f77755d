"""Tables and reports made of synthetic numbers."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.cluster.hierarchy import linkage

from untrained.reports import Report, Section
from untrained.results import (
    BaselineDifference,
    Ceiling,
    CorrelationRow,
    CorrelationTable,
    PairComparison,
    PartialCorrelation,
    Pick,
    Redundancy,
    SizeBias,
    SizeBin,
    SizeBins,
    Stability,
    TableRow,
    TaskComparison,
    TopRanking,
    TopSlice,
    correlate,
)

NAN = math.nan
IMAGES = "cifar10 images, batch 64, true labels, 16 channels x 5 cells, 32 px, train-mode BN"
NO_BATCH = "no batch (cifar10 classes and shape), 16 channels x 5 cells"


def make_row(indicator: str = "naswot", **changes: Any) -> TableRow:
    """A row with plausible numbers; a field of either class can be given by its name."""
    statistics: dict[str, Any] = {
        "indicator": indicator,
        "n": 1000,
        "n_population": 1000,
        "tau": 0.574,
        "tau_low": 0.541,
        "tau_high": 0.606,
        "rho": 0.761,
        "rho_low": 0.73,
        "rho_high": 0.79,
        "tau_failures_last": 0.574,
        "ties_score": 0.0,
        "ties_truth": 0.001,
        "delta_tau": -0.0031,
        "delta_low": -0.02,
        "delta_high": 0.0141,
        "delta_p": NAN,
        "delta_p_holm": NAN,
        "n_common": 974,
        "tau_common": 0.57,
        "n_finite": 970,
        "tau_finite": 0.56,
    }
    rest: dict[str, Any] = {
        "title": indicator.upper(),
        "version": 1,
        "protocol": "3fa9c1d2e4b50617",
        "protocol_text": IMAGES,
        "higher_is_better": True,
        "seeds": (0,),
        "failures": (),
        "alone_s": 0.0314,
        "members": (),
        "functions": None,
        "batch": None,
    }
    statistics |= {name: value for name, value in changes.items() if name in statistics}
    rest |= {name: value for name, value in changes.items() if name in rest}
    assert changes.keys() <= statistics.keys() | rest.keys()
    return TableRow(correlation=CorrelationRow(**statistics), **rest)


def make_table(*rows: TableRow, **changes: Any) -> CorrelationTable:
    fields: dict[str, Any] = {
        "title": "CIFAR-10, 1,000 sampled networks",
        "space": "nasbench201",
        "population": "sample of 1000, seed 0",
        "n_population": 1000,
        "target": "CIFAR-10 test accuracy, 200 epochs, %",
        "truth_source": "nasbench201.parquet",
        "truth_sha256": "0123456789abcdef" * 4,
        "resamples": 1000,
        "confidence": 0.95,
        "bootstrap_seed": 0,
        "command": "untrained run nasbench201-quick",
        "notes": (),
    }
    return CorrelationTable(rows=rows or (make_row(),), **(fields | changes))


def make_varied_table(**changes: Any) -> CorrelationTable:
    """Two protocols, several seeds, failures, a lower-is-better indicator, a constant one."""
    missing = dict.fromkeys(
        ("tau", "tau_low", "tau_high", "rho", "rho_low", "rho_high", "tau_failures_last"), NAN
    ) | dict.fromkeys(("delta_tau", "delta_low", "delta_high"), NAN)
    return make_table(
        make_row("constant", **missing, ties_score=1.0, ties_truth=0.0),
        make_row("naswot", seeds=(0, 1, 2)),
        make_row(
            "params",
            **dict.fromkeys(("delta_tau", "delta_low", "delta_high"), NAN),
            tau=0.577,
            tau_low=0.55,
            tau_high=0.60,
            protocol="77aa88bb99cc00dd",
            protocol_text=NO_BATCH,
            ties_score=0.1234,
            alone_s=2e-5,
        ),
        make_row(
            "grad_norm",
            n=996,
            tau=-0.426,
            tau_low=-0.455,
            tau_high=-0.397,
            delta_tau=-1.003,
            delta_low=-1.04,
            delta_high=-0.97,
            tau_failures_last=-0.4244,
            higher_is_better=False,
            version=2,
            failures=(("timeout", 1), ("diverged", 3)),
        ),
        **changes,
    )


def make_section(*, seed: int = 0, indicators: int | None = None, **changes: Any) -> Section:
    """Scores of several shapes and the table that `correlate` makes of them."""
    n = 120
    rng = np.random.default_rng(seed)
    index = pd.Index([f"|op~{i}|" for i in range(n)], name="architecture")
    truth = pd.Series(rng.normal(90, 3, n), index=index)
    noisy = truth + rng.normal(0, 3, n)
    scores = pd.DataFrame(
        {
            "params": noisy.round(),
            "naswot": noisy + rng.normal(0, 1, n),
            "synflow": np.exp((noisy - 90) * 2),
            "grasp": np.sinh(noisy - 90) * 10,
            "condition": -noisy,
            "constant": 1.0,
            "broken": np.nan,
        },
        index=index,
    )
    scores = scores.iloc[:, :indicators].copy()
    scores.loc[index[:3], "naswot"] = np.nan
    scores.loc[index[3:5], "naswot"] = -np.inf
    higher = dict.fromkeys(scores.columns, True) | {"condition": False}
    rows = [
        TableRow(
            correlation=row,
            title=row.indicator,
            version=1,
            protocol="3fa9c1d2e4b50617",
            protocol_text=IMAGES,
            higher_is_better=higher[row.indicator],
            seeds=(0,),
            failures=(("diverged", 3),) if row.indicator == "naswot" else (),
            alone_s=0.01,
        )
        for row in correlate(scores, truth, higher_is_better=higher, resamples=50)
    ]
    return Section(make_table(*rows, n_population=n, **changes), scores, truth)


def make_slice(fraction: float, tau: float, n: int = 1000) -> TopSlice:
    return TopSlice(
        fraction=fraction,
        k=math.ceil(fraction * n),
        n=math.ceil(fraction * n),
        tau=tau,
        tau_low=tau - 0.1,
        tau_high=tau + 0.1,
        rho=tau * 1.3,
        rho_low=tau * 1.3 - 0.1,
        rho_high=tau * 1.3 + 0.1,
        precision=0.25,
        precision_low=0.2,
        precision_high=0.31,
        ndcg=0.912,
    )


def make_full_table(number: int = 6, **changes: Any) -> CorrelationTable:
    """Every statistic that a table can carry, for `number` indicators named a, b, ..."""
    names = ["params", *(f"{chr(97 + i)}_indicator" for i in range(number - 1))]
    rng = np.random.default_rng(number)
    vectors = rng.normal(size=(number, 40)) + rng.normal(size=40)
    rho = np.clip(np.corrcoef(vectors), -1, 1)
    rows = []
    for i, name in enumerate(names):
        tau = 0.6 - 0.07 * i
        size = SizeBias(
            rho_with=(("params", 0.8 - 0.1 * i), ("flops", 0.7)),
            partial=tuple(
                PartialCorrelation(given, 1000, tau - 0.2, tau - 0.3, tau - 0.1, *([tau / 2] * 3))
                for given in (("params",), ("flops",), ("params", "flops"))
            ),
            bins=SizeBins("flops", (SizeBin(1.0, 2.0, 500, tau), SizeBin(3.0, 4.0, 500, NAN)), tau),
        )
        rows.append(
            dataclasses.replace(
                make_row(name, tau=tau, tau_low=tau - 0.03, tau_high=tau + 0.03),
                top=TopRanking(
                    1000,
                    tau + 0.01,
                    tuple(make_slice(f, tau * f * 5) for f in (0.01, 0.05, 0.1)),
                    (Pick(1, 1.234, 17.0), Pick(10, 0.456, 3.5)),
                ),
                size_bias=None if name == "params" else size,
                best_baseline=None
                if name == "params"
                else BaselineDifference("params", 1000, tau, 0.6, tau - 0.6, tau - 0.65, -0.01),
                stability=Stability(
                    (0, 1, 2), 1000, 0.98, 0.97, (tau - 0.02, tau, tau + 0.02), tau, 0.02
                ),
            )
        )
    taus = {row.correlation.indicator: row.correlation.tau for row in rows}
    pairs = [
        PairComparison(a, b, 1000, taus[a] - taus[b], -0.01, 0.2, 0.002, 0.01 + 0.07 * (j % 2))
        for i, a in enumerate(names)
        for j, b in enumerate(names[i + 1 :])
    ]
    ceiling = Ceiling(
        "a perfect predictor",
        "cifar10 test accuracy",
        7961,
        *(0.909, 0.9, 0.91, 0.987, 0.98, 0.99),
        (make_slice(0.1, 0.45, 7961),),
        perfect=True,
    )
    joined = linkage(1 - np.abs(rho[np.triu_indices(number, 1)]), "average")
    return make_table(
        *rows,
        **{
            "ceilings": (ceiling,),
            "pairs": tuple(pairs),
            "redundancy": Redundancy(
                tuple(names),
                tuple(map(tuple, rho.tolist())),
                tuple((1000,) * number for _ in names),
                tuple(map(tuple, joined.tolist())),  # type: ignore[arg-type]
            ),
        }
        | changes,
    )


def make_comparison() -> TaskComparison:
    names = ("a_indicator", "params", "b_indicator", "c_indicator", "d_indicator")
    return TaskComparison(
        names,
        (1.2, 1.9, 2.9, 4.1, 4.9),
        ("Task one", "Task two", "Task three"),
        ("Task four",),
        statistic=12.34,
        p=0.015,
        confidence=0.95,
        critical_difference=1.5,
        cliques=(
            ("a_indicator", "params"),
            ("params", "b_indicator"),
            ("c_indicator", "d_indicator"),
        ),
    )


@pytest.fixture
def full_table() -> Callable[..., CorrelationTable]:
    return make_full_table


@pytest.fixture(scope="session")
def full_report() -> Report:
    """Every part there is, without scatter plots."""
    return Report(
        title="Everything",
        sections=(
            Section(make_full_table(title="Space: task one")),
            Section(make_full_table(4, title="Space: task two")),
        ),
        version="0.1.0",
        task_comparison=make_comparison(),
    )


@pytest.fixture
def row() -> Callable[..., TableRow]:
    return make_row


@pytest.fixture
def table() -> Callable[..., CorrelationTable]:
    return make_table


@pytest.fixture
def varied_table() -> CorrelationTable:
    return make_varied_table()


@pytest.fixture
def varied_report(varied_table: CorrelationTable) -> Report:
    """Without figures; every line of the documents is used."""
    return Report(
        title="Training-free indicators on NAS-Bench-201",
        summary="How well do untrained networks\nrank trained ones?\n\nA second paragraph.",
        sections=(Section(varied_table), Section(make_table(make_row("snip"), title="Another"))),
        environments=(
            {"torch": "2.13.0", "git": {"commit": None, "dirty": False}, "threads": 1},
            {"torch": "2.6.0"},
        ),
        version="0.1.0",
    )


@pytest.fixture(scope="session")
def drawn_report() -> Report:
    """With figures."""
    return Report(
        title="Figures",
        sections=(make_section(title="First"), make_section(seed=1, indicators=2, title="Second")),
        version="0.1.0",
    )
