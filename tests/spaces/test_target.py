import pytest

from untrained.spaces import Provenance, Target
from untrained.spaces.benchmarks.benchmark import higher_is_better


@pytest.mark.parametrize(
    ("target", "label"),
    [
        (
            Target("cifar10", "test_accuracy", 200),
            "cifar10 test accuracy, 200 epochs, mean over training seeds",
        ),
        (
            Target("cifar10", "test_accuracy", 12, 2),
            "cifar10 test accuracy, 12 epochs, training seed 2",
        ),
        (Target("cifar10", "params_millions"), "cifar10 params millions"),
        (Target("cifar10", "surrogate_accuracy", 98), "cifar10 surrogate accuracy, 98 epochs"),
    ],
)
def test_a_label_says_what_was_trained_and_how_long(target: Target, label: str) -> None:
    assert target.label == label


@pytest.mark.parametrize(
    "metric",
    [
        "test_accuracy",
        "surrogate_accuracy_xgb",
        "ssim",
        "miou",
        "negative_loss",
        "best_negative_valid_loss",
        "analog_drift_60",
    ],
)
def test_qualities_are_better_high(metric: str) -> None:
    assert higher_is_better(metric)


@pytest.mark.parametrize(
    "metric",
    [
        "val_loss",
        "perplexity",
        "params_millions",
        "params",
        "edgegpu_latency_ms",
        "flops",
        "energy_mj",
        "top1_error",
        "analog_drift_60_uncertainty",
    ],
)
def test_losses_and_costs_are_better_low(metric: str) -> None:
    assert not higher_is_better(metric)


def test_provenance_names_file_and_hash() -> None:
    source = Provenance("NAS-Bench-X", "tabular", "x.parquet", "0123456789abcdef" * 4)
    assert source.describe() == "NAS-Bench-X (tabular; x.parquet, SHA-256 0123456789ab)"
