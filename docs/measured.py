"""Correlations that published values are compared with: how they are computed, kept and read."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from untrained.results.comparison.published import reference_rows

COMMITTED = Path(__file__).parents[1] / "results" / "committed"
WITHOUT_DEAD = "without dead operations"
DEAD_FREE = "reference_scores/nasbench201_cifar10_suitezero.parquet"
"""Names the 9,445 architectures of NAS-Bench-201 without dead operations."""
PREFERRED = {"TE-NAS": "nasbench201-tenas"}
"""Scores made for one table, which other tables do not use."""
TASKS = {
    **dict.fromkeys(("class_object", "class_scene", "jigsaw"), ("best_valid_accuracy",)),
    "room_layout": ("best_negative_valid_loss",),
    "segmentsemantic": ("valid_pixel_accuracy",),
    **dict.fromkeys(("autoencoder", "normal"), ("best_valid_ssim",)),
}
SCORES: dict[str, tuple[tuple[str, ...], dict[str, tuple[str, ...]]]] = {
    "nasbench201": (
        (
            "nasbench201",
            *(f"nasbench201-{name}"
              for name in ("cifar10", "teg", "cifar10-moderate", "cifar10-costly",
                           "cifar10-samplewise", "cifar10-later", "cifar10-gennas", "tenas")),
        ),
        dict.fromkeys(
            ("cifar10", "cifar100", "imagenet16-120"), ("test_accuracy", "valid_accuracy")
        ),
    ),
    "nasbench101": (("nasbench101-quick",), {"cifar10": ("test_accuracy",)}),
    "darts": (("darts-quick",), {"cifar10": ("surrogate_accuracy",)}),
    "nds_darts": (("nds_darts-quick",), {"imagenet": ("test_accuracy",)}),
    "transnasbench101_micro": (("transnasbench101_micro-quick",), TASKS),
    "transnasbench101_macro": (("transnasbench101_macro-quick",), TASKS),
    "flexibert": (("flexibert-quick",), {"glue": ("score",)}),
    "autoformer": (
        ("autoformer-quick",),
        dict.fromkeys(("cifar100", "flowers", "chaoyang"), ("test_accuracy",)),
    ),
}  # fmt: skip
"""By space: the committed scores, those of most networks first, and the metrics by data set."""
VOTE = ("synflow", "jacov", "snip")
VOTED = f"majority_vote({','.join(VOTE)})"
"""Published name of the vote of Abdelfattah et al."""
TRUTH = {"darts": "nasbench301"}
"""Benchmark of a space where it has another name."""
SIZES = ("tau", "tau_low", "tau_high", "rho", "rho_low", "rho_high")
COLUMNS = {
    "sources.csv": ("source", "table", "population"),
    "measured.csv": (
        *("scores", "space", "population", "dataset", "target", "split", "indicator", "inputs"),
        *("n", *SIZES),
    ),
}


@cache
def reference(name: str) -> list[dict[str, str]]:
    """Read the rows of a file of `reference`.

    Raises:
        MalformedInput: it has other columns.
    """
    return reference_rows(name, (COMMITTED / "reference" / name).read_text("utf-8"), COLUMNS[name])


def measure(spaces: Collection[str]) -> None:
    """Compute the correlations of some spaces again, and write them to measured.csv."""
    rows = [row for row in reference("measured.csv") if row["space"] not in spaces]
    for space in SCORES:
        rows += measured_rows(space) if space in spaces else []
    rows.sort(key=lambda row: [*SCORES].index(row["space"]))
    path = COMMITTED / "reference" / "measured.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS["measured.csv"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    reference.cache_clear()


def measured_rows(space: str) -> Iterator[dict[str, Any]]:
    """Correlate the committed scores of a space with its accuracies, as reports do.

    Only indicators that somebody published a value of; each from the scores of most networks.
    """
    import pandas as pd

    from untrained.harness.analysis.correlation_tables import BASELINE, noise_of_batches
    from untrained.harness.analysis.score_matrix import score_matrix
    from untrained.harness.analysis.score_selection import select_stored_scores
    from untrained.harness.study.plan import aggregates_of_names
    from untrained.harness.study.study import Statistics, Truth
    from untrained.harness.study.truth import choose_truth
    from untrained.results import ScoreStore, published_values
    from untrained.results.aggregates import BoundAggregate, aggregates
    from untrained.results.statistics.bootstrap import Resampling
    from untrained.results.statistics.correlation import correlate_rankings
    from untrained.results.statistics.population import Population, Rankings
    from untrained.spaces.framework.registry import data_folder

    stores, datasets = SCORES[space]
    how = Statistics()
    done: set[tuple[str, ...]] = set()
    for name in stores:
        file = COMMITTED / name / "scores.parquet"
        if not file.exists():  # of a run that is not complete: a part of a space is no sample
            continue
        with ScoreStore.read(file) as store:
            [selection] = select_stored_scores(store)
        there = [o.id for o in aggregates.values() if o.members]
        there = [o for o in there if {*aggregates[o].members} <= {*selection.protocols}]
        bound = [*aggregates_of_names(there)]
        if {*VOTE} <= {*selection.protocols}:
            bound.append(BoundAggregate.of(aggregates["majority_vote"], name=VOTED, members=VOTE))
        selection = selection.computing(bound)
        matrix = score_matrix(selection)
        inputs = {
            one: re.split(r", | \(", p.describe())[0] for one, p in selection.protocols.items()
        }
        populations = {"": matrix.wide}
        if space == "nasbench201":
            released = pd.read_parquet(data_folder() / DEAD_FREE, columns=["arch_str"])
            kept = matrix.wide.index.isin(released["arch_str"])
            populations[WITHOUT_DEAD] = matrix.wide[kept]
        for population, (dataset, metrics) in (
            (one, pair) for one in populations for pair in datasets.items()
        ):
            known = {item.indicator for item in published_values(space=space, dataset=dataset)}
            for metric in metrics:
                truth = choose_truth(
                    space, Truth(benchmark=TRUTH.get(space, space), dataset=dataset, metric=metric)
                )
                scores = populations[population]
                names = [
                    one
                    for one in scores
                    if one in known
                    and (
                        name in PREFERRED.values() or (population, dataset, metric, one) not in done
                    )
                ]
                values = truth.values(scores.index) * (1 if truth.higher_is_better else -1)
                found = correlate_rankings(
                    Rankings(
                        Population.of(
                            scores[names], values, higher_is_better=matrix.higher_is_better
                        ),
                        Resampling(how.resamples, how.confidence, how.seed, how.interval),
                    ),
                    baseline=BASELINE,
                    noise=noise_of_batches(selection, values),
                )
                for row in found:
                    if math.isnan(row.tau):
                        continue
                    if name not in PREFERRED.values():
                        done.add((population, dataset, metric, row.indicator))
                    members = getattr(matrix.computed.get(row.indicator), "members", ())
                    used = {inputs[one] for one in members or (row.indicator,)}
                    yield {
                        "scores": name,
                        "space": space,
                        "population": population,
                        "dataset": dataset,
                        "target": truth.target.label,
                        "split": _split(metric),
                        "indicator": row.indicator,
                        "inputs": " and ".join(sorted(used)),
                        "n": row.n,
                        **{one: f"{getattr(row, one):.6f}" for one in SIZES},
                    }


def _split(metric: str) -> str:
    if metric.startswith("test"):
        return "test accuracy"
    return "validation accuracy" if "valid" in metric or "surrogate" in metric else ""
