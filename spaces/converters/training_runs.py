"""The records that NAS-Bench-201 and NATS-Bench keep of an architecture's training runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from untrained.spaces.converters.converter import Value

_EVALUATIONS = {
    ("cifar10-valid", "x-valid"): ("cifar10", "valid_accuracy"),
    ("cifar10", "ori-test"): ("cifar10", "test_accuracy"),
    ("cifar100", "x-valid"): ("cifar100", "valid_accuracy"),
    ("cifar100", "x-test"): ("cifar100", "test_accuracy"),
    ("ImageNet16-120", "x-valid"): ("imagenet16-120", "valid_accuracy"),
    ("ImageNet16-120", "x-test"): ("imagenet16-120", "test_accuracy"),
}
"""(configuration, evaluated on) -> (dataset, metric)."""
_TRAINED = {
    "cifar10-valid": "cifar10",
    "cifar100": "cifar100",
    "ImageNet16-120": "imagenet16-120",
}
"""Configuration whose training time a search pays -> dataset."""
_SIZED = {"cifar10": "cifar10", "cifar100": "cifar100", "ImageNet16-120": "imagenet16-120"}
NOTE = (
    "accuracy in percent after the last epoch; cifar10 valid_accuracy is of networks trained on "
    "half of the training images, cifar10 test_accuracy of networks trained on all of them; "
    "train_time_s and valid_time_s are those of the networks that valid_accuracy is of, all epochs "
    "together; training runs are numbered in the order of their seeds"
)


def values_of(architecture: str, results: Mapping[tuple[str, int], Any]) -> Iterator[Value]:
    """The values of one architecture under one training schedule.

    Args:
        results: a record by (configuration, training seed), as the benchmark's `all_results`.

    Yields:
        Accuracies, times and, once, the size.
    """
    seeds: dict[str, list[int]] = {}
    for configuration, seed in results:
        seeds.setdefault(configuration, []).append(seed)
    sized: set[str] = set()
    for (configuration, seed), record in results.items():
        run = sorted(seeds[configuration]).index(seed)
        epochs = int(record["epochs"])
        accuracies = record["eval_acc1es"]
        for (trained, evaluated), (dataset, metric) in _EVALUATIONS.items():
            key = f"{evaluated}@{epochs - 1}"
            if trained == configuration and key in accuracies:
                yield Value(architecture, dataset, metric, epochs, run, float(accuracies[key]))
        if configuration in _TRAINED:
            dataset = _TRAINED[configuration]
            yield from _times(architecture, dataset, epochs, run, record)
        if configuration in _SIZED and configuration not in sized:
            sized.add(configuration)
            dataset = _SIZED[configuration]
            params, flops = float(record["params"]), float(record["flop"])
            yield Value(architecture, dataset, "params_millions", epochs, -1, params)
            yield Value(architecture, dataset, "flops_millions", epochs, -1, flops)


def _times(
    architecture: str, dataset: str, epochs: int, run: int, record: Mapping[str, Any]
) -> Iterator[Value]:
    train = record.get("train_times")
    if train:
        total = float(sum(train.values()))
        yield Value(architecture, dataset, "train_time_s", epochs, run, total)
    evaluate = record.get("eval_times") or {}
    valid = [seconds for key, seconds in evaluate.items() if key.startswith("x-valid@")]
    if valid:
        yield Value(architecture, dataset, "valid_time_s", epochs, run, float(sum(valid)))
