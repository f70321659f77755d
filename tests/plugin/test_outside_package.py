"""The contract as another repository runs it on plug-ins that it registers by entry points."""

import shlex
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "plugin"
PAGE = EXAMPLE.parents[1] / "plugin-testing.md"
WORKFLOW = EXAMPLE.parent / "untrained-contract.yml"
FAULTY = Path(__file__).parent / "faulty"

SAME_BITS = "the_same_measurement_gives_the_same_bits"
AS_FOUND = "everything_is_left_as_found"
BROKEN = {
    "indicator changes_the_network": {AS_FOUND},
    "indicator leaves_a_hook": {AS_FOUND},
    "indicator looks_at_labels": {"labels_matter_exactly_if_they_are_needed"},
    "indicator draws_globally": {SAME_BITS},
    "indicator looks_at_the_clock": {SAME_BITS},
    "indicator trips_over_nan": {"a_nan_weight_gives_no_score_that_depends_on_weights"},
    "indicator hides_nan": {"a_nan_weight_gives_no_score_that_depends_on_weights"},
    "indicator says_it_is_free": {"it_costs_the_passes_it_declares"},
    "indicator says_it_needs_stages": {
        "what_a_network_lacks_is_unsupported_exactly_if_it_is_needed[stages]"
    },
    "indicator has_no_score": {"a_healthy_network_gets_a_finite_score"},
    "searcher global_stream": {
        "the_same_seed_gives_the_same_trajectory[one indicator]",
        "every_answer_is_followed_by_an_incumbent",
    },
    "searcher of_supernets": {"something_was_checked"},
    "space biased": {
        "sampling_is_uniform",
        "the_number_of_parameters_is_that_of_the_built_network",
    },
    "entry point missing": {"it_can_be_loaded"},
    "entry point nothing": {"it_can_be_loaded"},
}
"""By plug-in: the promises that its fault breaks, whatever else it breaks with that."""
ONE_FAULT = {
    "indicator looks_at_labels",
    "indicator says_it_is_free",
    "entry point missing",
    "searcher of_supernets",
    "space biased",
}
"""Those that break nothing else."""


@pytest.fixture(scope="module")
def example(outside):
    return outside(EXAMPLE)


@pytest.fixture(scope="module")
def faulty(outside):
    project = outside(FAULTY)
    return project, *project.outcomes("--untrained-contract", "package:.")


def test_a_good_indicator_passes_with_its_own_tests_by_the_workflow_of_the_docs(example):
    yaml = pytest.importorskip("yaml")
    (job,) = yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"].values()
    (command,) = (step["run"] for step in job["steps"] if "-m pytest" in step.get("run", ""))
    *options, last, _ = shlex.split(command)
    assert last == "--junit-xml"  # which `outcomes` puts elsewhere
    done, outcomes = example.outcomes(*options[3:], beside_others=True)
    assert done.returncode == 0, done.stdout
    assert "untrained contract: package:." in done.stdout
    assert len(outcomes.pop("tests.test_logit_spread")) == 4
    assert outcomes.pop("entry point logit_spread") == {"it_can_be_loaded": "passed"}
    (promises,) = outcomes.values()
    assert len(promises) > 30
    left_out = {name for name, outcome in promises.items() if outcome == "skipped"}
    assert left_out <= {"cuda_agrees_with_the_cpu"}


@pytest.mark.parametrize("subject", BROKEN)
def test_each_fault_is_named(faulty, subject):
    outcomes = faulty[2]
    broken = {n for n, outcome in outcomes[subject].items() if outcome not in ("passed", "skipped")}
    assert broken >= BROKEN[subject]
    assert subject not in ONE_FAULT or broken == BROKEN[subject]
    for name in BROKEN[subject]:
        assert f"{subject} breaks the promise {name!r}" in outcomes[subject][name]
        assert "promised: " in outcomes[subject][name]
        assert "Traceback" not in outcomes[subject][name]


def test_the_docs_show_a_report_as_it_is(faulty):
    shown = PAGE.read_text("utf-8").partition("```text\n")[2].partition("```")[0].strip()
    found = faulty[2]["indicator says_it_is_free"]["it_costs_the_passes_it_declares"]
    assert found.strip() == shown


def test_the_run_fails_and_says_what_to_do(faulty):
    _, done, outcomes = faulty
    assert done.returncode == 1
    labels = outcomes["indicator looks_at_labels"]["labels_matter_exactly_if_they_are_needed"]
    assert "it does not declare Need.LABELS, but the score is" in labels
    assert "declare Need.LABELS, or do not look at labels" in labels
    assert "No module named 'no_such_module'" in outcomes["entry point missing"]["it_can_be_loaded"]
    assert "which the toy world does not have" in str(outcomes["searcher of_supernets"])


def test_everything_that_the_package_registers_is_found_and_nothing_else(faulty):
    assert set(faulty[2]) == set(BROKEN) | {
        "entry point faulty",
        "entry point greedy",
        "entry point biased",
    }
