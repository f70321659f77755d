"""`untrained correlate`: a store's scores against accuracies, as a table."""

from __future__ import annotations

from untrained.harness.cli.options import (
    DEFAULT_STATISTICS,
    AggregatesOption,
    AsJson,
    BenchmarkOption,
    Confidence,
    Epochs,
    Metric,
    ProtocolDigests,
    Resamples,
    SeedOption,
    Space,
    StoredScores,
    TruthDataset,
    TruthSeed,
)


def correlate(
    *,
    store: StoredScores,
    space: Space = None,
    benchmark: BenchmarkOption = None,
    dataset: TruthDataset = None,
    metric: Metric = None,
    epochs: Epochs = None,
    truth_seed: TruthSeed = None,
    protocol: ProtocolDigests = None,
    seed: SeedOption = None,
    aggregates: AggregatesOption = None,
    resamples: Resamples = DEFAULT_STATISTICS.resamples,
    confidence: Confidence = DEFAULT_STATISTICS.confidence,
    as_json: AsJson = False,
) -> None:
    """Rank correlations of the scores in a store with true accuracies, with intervals.

    [dim]untrained correlate --store s.sqlite

    untrained correlate --store s.sqlite --aggregates te_nas,az_nas

    untrained correlate --store s.sqlite --benchmark nasbench201 --dataset cifar100 --json[/dim]
    """
    from untrained.harness.cli.output import print_report
    from untrained.harness.cli.running import report_from_options
    from untrained.reports import formats

    report = report_from_options(
        "correlate",
        store,
        space=space,
        truth={
            "benchmark": benchmark,
            "dataset": dataset,
            "metric": metric,
            "epochs": epochs,
            "seed": truth_seed,
        },
        protocols=protocol,
        seed=seed,
        aggregates=aggregates,
        statistics={"resamples": resamples, "confidence": confidence},
    )
    if as_json:
        print(formats["json"].render(report), end="")
        return
    print_report(report)
