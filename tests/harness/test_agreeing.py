"""Runs whose search space has no accuracies at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from untrained.foundation import MissingData, UserError
from untrained.harness.data.inputs import forget_batches
from untrained.harness.study.population import select
from untrained.harness.study.study import Population, Truth
from untrained.harness.study.study_file import builtin_studies, load_study
from untrained.harness.study.truth import NoTruth, find_truth
from untrained.spaces import spaces

STUDY = """\
spaces = ["nasbench201"]
indicators = ["naswot", "params", "flops"]
channels = 4
cells = 1
batch_size = 8
[population]
kind = "sample"
n = 4
[truth]
{truth}
[statistics]
resamples = 20
[report]
formats = ["markdown", "csv", "html"]
"""


def test_a_study_without_accuracies_ends_with_a_table_of_agreement(untrained, tmp_path: Path):
    file = tmp_path / "mine.toml"
    file.write_text(STUDY.format(truth='benchmark = "none"'))
    done = untrained("run", file, "--output", tmp_path / "out", "--workers", 1, "--device", "cpu")
    assert done.code == 0
    assert "no accuracies: none were asked for; there are those of nasbench201" in done.err
    assert "τ-b with params" in done.out
    text = (tmp_path / "out" / "report.md").read_text()
    assert "No accuracies were used" in text
    assert "Kendall" not in text
    header = (tmp_path / "out" / "report.csv").read_text().splitlines()[0].split(",")
    assert "tau_with_params" in header
    assert "tau" not in header
    store = tmp_path / "out" / "scores.sqlite"
    page = untrained("report", "--store", store, "--benchmark", "none", "--resamples", 20)
    assert page.code == 0
    shown = untrained("correlate", "--store", store, "--benchmark", "none", "--resamples", 20)
    assert "--benchmark none" in shown.out
    assert "Target: none" in shown.out


def test_absent_data_is_an_error_unless_the_study_can_do_without(
    untrained, tmp_path: Path, monkeypatch
):
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    file = tmp_path / "mine.toml"
    file.write_text(STUDY.format(truth='benchmark = "nasbench201"'))
    refused = untrained("run", file, "--output", tmp_path / "out", "--dry-run")
    assert refused.code == 2
    file.write_text(STUDY.format(truth='benchmark = "nasbench201"\nabsent = "agreement"'))
    done = untrained("run", file, "--output", tmp_path / "out", "--workers", 1, "--device", "cpu")
    assert done.code == 0
    assert str(tmp_path) in done.err.splitlines()[0]  # where the table was looked for
    text = (tmp_path / "out" / "report.md").read_text()
    assert "the data of nasbench201 was not at hand (untrained data list says how" in text
    assert "tables/nasbench201.parquet" not in text


def test_stored_scores_need_neither_images_nor_a_table(
    untrained, tmp_path: Path, image_file, pictures, write_images
):
    file = tmp_path / "mine.toml"
    truth = 'benchmark = "nasbench201"\ndataset = "cifar10"\nabsent = "fallback"'
    text = 'inputs = "cifar10"\ndata_seeds = [0, 1]\n' + STUDY.format(truth=truth)
    file.write_text(text)
    options = ("--workers", 1, "--device", "cpu")
    with_images = untrained("run", file, "--output", tmp_path / "a", *options)
    assert with_images.code == 0
    assert "cannot use all given scores" not in with_images.err
    assert "in its place the target is baseline_accuracy of nasbench201-analog" in with_images.err
    image_file.unlink()
    scores = ("--scores", tmp_path / "a" / "scores.parquet")
    without = untrained("run", file, "--output", tmp_path / "b", *scores, *options)
    assert without.code == 0
    assert "0 scores to do" in without.err
    again = untrained("run", file, "--output", tmp_path / "f", *scores, "--dry-run")
    assert "cannot use all given scores" not in again.err
    first, second = (tmp_path / name / "report.csv" for name in "ab")
    assert first.read_text() == second.read_text()
    page = (tmp_path / "b" / "report.md").read_text()
    assert "the data of nasbench201 was not at hand (untrained data list says how" in page
    forget_batches()
    file.write_text(text.replace("n = 4", "n = 5"))  # a network that nobody has scored
    refused = untrained("run", file, "--output", tmp_path / "c", *scores, *options)
    assert refused.code == 2
    assert "images of CIFAR-10 are needed" in refused.err
    write_images(image_file, pictures[1:], [i % 10 for i in range(len(pictures) - 1)])
    planned = untrained("run", file, "--output", tmp_path / "e", *scores, "--dry-run")
    assert "cannot use all given scores: some were measured on other images" in planned.err
    file.write_text(text.replace('dataset = "cifar10"', 'dataset = "cifar100"'))
    refused = untrained("run", file, "--output", tmp_path / "d", *scores, *options)
    assert refused.code == 2
    assert "tables/nasbench201.parquet and is not there" in refused.err.replace("\n", " ")


def test_a_sample_of_what_is_known_becomes_one_of_the_space(tiny_study, monkeypatch, tmp_path):
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    truth = Truth(benchmark="nasbench201", absent="agreement")
    study = tiny_study(truth=truth, population={"kind": "known", "n": 3})
    chosen = select(spaces["nasbench201"], study)
    whole = tiny_study(population={"kind": "sample", "n": 3})
    assert chosen.architectures == select(spaces["nasbench201"], whole).architectures
    assert "which of them nasbench201 knows was not at hand" in chosen.text
    everything = study.model_copy(update={"population": Population(kind="known")})
    with pytest.raises(MissingData, match=r"nasbench201\.parquet"):
        select(spaces["nasbench201"], everything)
    none = everything.model_copy(update={"truth": Truth(benchmark="none")})
    with pytest.raises(UserError, match="name the benchmark, or give n"):
        select(spaces["nasbench201"], none)


def test_a_misspelt_benchmark_is_no_absent_one():
    with pytest.raises(UserError, match="no benchmark named 'nasbench21'"):
        find_truth("nasbench201", Truth(benchmark="nasbench21", absent="agreement"))
    found = find_truth("mobilenetv2", Truth(benchmark="none"))
    assert found == NoTruth("there is no benchmark of mobilenetv2")


def test_every_space_has_a_quick_study():
    assert {name.removesuffix("-quick") for name in builtin_studies() if "-quick" in name} == set(
        spaces
    )
    for name in builtin_studies():
        assert load_study(name).study.spaces
