"""Aggregates from a study or a command to rows of a table."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau, rankdata

from untrained.foundation import MalformedInput, MissingData, UnknownName, UserError
from untrained.harness.analysis.correlation_tables import correlation_section
from untrained.harness.analysis.score_selection import select_scores, select_stored_scores
from untrained.harness.study.plan import Plan, aggregates_of_names, aggregates_of_study, plan_study
from untrained.harness.study.study import Statistics, Truth
from untrained.harness.study.study_file import parse_study
from untrained.harness.study.truth import choose_truth
from untrained.results import Score, ScoreStore, current_environment
from untrained.results.aggregates import aggregates
from untrained.spaces import find_benchmark

STUDY = """\
spaces = ["nasbench201"]
indicators = ["params"]
aggregates = ["te_nas"]

[population]
kind = "sample"
n = 6

[[aggregate]]
name = "my_vote"
kind = "majority_vote"
members = ["naswot", "params"]

[[aggregate]]
name = "milder"
kind = "nasi_constrained"
parameters = { nu = 7 }

[[aggregate]]
name = "heavy"
kind = "weighted_vote"
members = [
    "synflow",
    "params",
]
diverged = "last"

[aggregate.parameters]
weights = [2, 1]
"""
ENVIRONMENT = current_environment(device="cpu", threads=1)


def parse(text: str = STUDY):
    return parse_study(text, place="s.toml", command="untrained run s.toml")


def test_a_study_names_aggregates_and_defines_its_own():
    found = {one.name: one for one in aggregates_of_study(parse().study)}
    assert list(found) == ["te_nas", "my_vote", "milder", "heavy"]
    assert found["te_nas"].is_standard
    assert found["my_vote"].members == ("naswot", "params")
    assert found["milder"].parameters == {"mu": 2.0, "nu": 7.0}
    assert found["heavy"].parameters == {"weights": (2.0, 1.0)}
    assert found["heavy"].diverged == "last"


def test_an_aggregate_of_a_plugin_named_like_an_indicator_is_refused():
    with aggregates.borrowed():
        aggregates.register("synflow", aggregates["te_nas"], origin="plugin.mine")
        refused = "cannot show the aggregate 'synflow': an indicator has the same name"
        with pytest.raises(UserError, match=refused):
            aggregates_of_names(["te_nas", "synflow"])
        with pytest.raises(MalformedInput, match=f"s.toml:3: {refused}.*the one in plugin.mine"):
            parse(STUDY.replace('["te_nas"]', '["synflow"]'))


def test_members_are_scored_although_indicators_do_not_name_them():
    (plan,) = plan_study(parse().study)
    assert list(plan.protocols) == [
        *("params", "ntk_condition", "linear_regions", "naswot", "nasi", "synflow")
    ]
    assert {key.indicator for key in plan.keys} == set(plan.protocols)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ('["te_nas"]', '["te_ans"]', "s.toml:3: no aggregate named 'te_ans'; did you mean te_nas"),
        (
            '["te_nas"]',
            '["rank_sum"]',
            "s.toml:3: rank_sum combines any indicators and none is named; name its members in",
        ),
        ('["te_nas"]', '"te_nas"', "s.toml:3: aggregates = 'te_nas': should be a list"),
        (
            '"majority_vote"',
            '"majority"',
            "s.toml:11: no aggregate named 'majority'; did you mean majority_vote",
        ),
        ('"naswot"', '"nasw0t"', "s.toml:12: no indicator named 'nasw0t'; did you mean naswot"),
        (
            '    "synflow"',
            '    "synflwo"',
            "s.toml:23: no indicator named 'synflwo'; did you mean synflow",
        ),
        (
            "nu = 7",
            "kappa = 7",
            "s.toml:14: no parameter of nasi_constrained named 'kappa'; there are: mu, nu",
        ),
        ("nu = 7", 'nu = "7"', "s.toml:14: nu = '7': it should be a number"),
        ("[2, 1]", "[2, 1, 1]", "s.toml:19: weights = [2, 1, 1]: it should be a list of 2 numbers"),
        ('"my_vote"', '"params"', "s.toml:10: the aggregate 'params' has the name of an indicator"),
        ('"my_vote"', '"az_nas"', "s.toml:10: the aggregate 'az_nas' has the name of a registered"),
        ('"milder"', '"my_vote"', "s.toml:15: two aggregates are named 'my_vote'; choose another"),
    ],
)
def test_a_mistake_is_found_on_its_line(right: str, wrong: str, message: str):
    assert right in STUDY
    with pytest.raises(MalformedInput) as caught:
        parse(STUDY.replace(right, wrong))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (
            'kind = "nasi_c',
            'knid = "nasi_c',
            "s.toml:16: unknown key 'aggregate.knid'; did you mean kind?",
        ),
        ('kind = "nasi_constrained"', "", "s.toml:14: the key 'aggregate.kind' is missing; add it"),
        (
            '"milder"',
            '"My vote"',
            "s.toml:15: aggregate.name = 'My vote': should be lower-case letters, digits",
        ),
        (
            'diverged = "last"',
            'diverged = "worst"',
            "s.toml:26: aggregate.diverged = 'worst': input should be 'missing' or 'last'",
        ),
        ("[aggregate", "[agregate", "s.toml:9: unknown key 'agregate'; did you mean"),
    ],
)
def test_the_tables_of_own_aggregates_are_told_apart(right: str, wrong: str, message: str):
    assert right in STUDY
    with pytest.raises(MalformedInput) as caught:
        parse(STUDY.replace(right, wrong))
    assert str(caught.value).startswith(message)


def test_names_of_a_command_are_looked_up():
    assert [one.name for one in aggregates_of_names(["az_nas", "te_nas", "az_nas"])] == [
        *("az_nas", "te_nas")
    ]
    with pytest.raises(UnknownName, match=r"did you mean az_nas.*untrained list aggregates"):
        aggregates_of_names(["az-nas"])


@pytest.fixture
def store(tmp_path: Path):
    with ScoreStore(tmp_path / "s.sqlite") as opened:
        yield opened


def plan_of(tiny_study: Callable, **changes: object) -> Plan:
    values = {"indicators": ["params"], "aggregates": ["te_nas"], "population": {"n": 6}}
    return plan_study(tiny_study(**(values | changes)))[0]


def fill(
    store: ScoreStore, plan: Plan, value: Callable[[str, int, int], float], **statuses: str
) -> None:
    """`value` of (indicator, place in the population, seed); of NaN, the indicator's status."""
    scores = []
    for key in plan.keys:
        place = plan.selection.architectures.index(key.architecture)
        number = value(key.indicator, place, key.seed)
        failed = {"status": statuses.get(key.indicator, "diverged"), "reason": "made up"}
        took = {"params": 0.25, "ntk_condition": 2.0, "linear_regions": 0.5}.get(key.indicator, 1.0)
        scores.append(
            Score(*key, value=number, alone_s=took, **(failed if math.isnan(number) else {}))
        )
    store.put(scores, ENVIRONMENT)
    for protocol in plan.protocols.values():
        store.put_protocol(protocol.digest, protocol.canonical)


def section_of(ranked):
    truth = choose_truth(ranked.space, Truth(benchmark="nasbench201-analog"), datasets={"cifar10"})
    return correlation_section(ranked, truth, statistics=Statistics(resamples=20), command="again")


def row_of(section, name: str):
    return next(row for row in section.table.rows if row.correlation.indicator == name)


KAPPA, REGIONS = [5.0, 90.0, 7.0, 7.0, 30.0, 11.0], [90.0, 95.0, 3.0, 95.0, 40.0, 40.0]


def made_up(indicator: str, place: int, seed: int) -> float:
    return {"ntk_condition": KAPPA, "linear_regions": REGIONS}.get(indicator, [1, 2, 3, 4, 5, 6])[
        place
    ]


def test_a_row_is_computed_from_the_rows_of_its_members(store, tiny_study):
    plan = plan_of(tiny_study)
    fill(store, plan, made_up)
    section = section_of(select_scores(plan, store))
    expected = rankdata(-np.array(KAPPA), "dense") + rankdata(REGIONS, "dense")
    architectures = list(plan.selection.architectures)
    assert section.scores is not None
    assert section.scores["te_nas"].loc[architectures].tolist() == expected.tolist()
    truth = find_benchmark("nasbench201", "nasbench201-analog").table()
    accuracies = truth.set_index("architecture")["value"].loc[architectures]
    row = row_of(section, "te_nas")
    assert row.correlation.tau == pytest.approx(kendalltau(expected, accuracies).statistic)
    assert row.alone_s == 2.5
    assert row.members == ("ntk_condition", "linear_regions")
    digests = [plan.protocols[member].digest for member in row.members]
    assert row.protocol == " ".join(digests)
    assert row.protocol_text.endswith(
        "members ntk_condition, linear_regions; relative to this population"
    )
    assert row.seeds == (0,)
    assert row.failures == ()
    assert row.higher_is_better
    assert [r.correlation.indicator for r in section.table.rows] == [
        *("params", "ntk_condition", "linear_regions", "te_nas")
    ]


def test_seeds_are_averaged_before_ranks_are_taken(store, tiny_study):
    plan = plan_of(tiny_study, seeds=[0, 1])
    rng = np.random.default_rng(0)
    noise = {seed: rng.normal(size=6) * 20 for seed in (0, 1)}
    fill(store, plan, lambda name, place, seed: made_up(name, place, seed) + noise[seed][place])
    section = section_of(select_scores(plan, store))
    mean = (noise[0] + noise[1]) / 2
    expected = rankdata(-(KAPPA + mean), "dense") + rankdata(REGIONS + mean, "dense")
    assert section.scores is not None
    found = section.scores["te_nas"].loc[list(plan.selection.architectures)]
    assert found.tolist() == expected.tolist()
    assert row_of(section, "te_nas").seeds == (0, 1)


def failing(indicator: str, place: int, seed: int) -> float:
    if (indicator, place) in {("ntk_condition", 1), ("ntk_condition", 4), ("linear_regions", 4)}:
        return math.nan
    return made_up(indicator, place, seed)


def test_an_architecture_without_a_member_is_not_ranked_and_counted(store, tiny_study):
    plan = plan_of(tiny_study)
    fill(store, plan, failing, linear_regions="timeout")
    row = row_of(section_of(select_scores(plan, store)), "te_nas")
    assert (row.correlation.n, row.correlation.n_population) == (4, 6)
    assert row.failures == (("linear_regions:timeout", 1), ("ntk_condition:diverged", 2))


def test_diverged_scores_rank_last_on_request_and_others_never(store, tiny_study):
    last = {"name": "last", "kind": "te_nas", "diverged": "last"}
    plan = plan_of(tiny_study, aggregate=[last], aggregates=[])
    fill(store, plan, failing, linear_regions="timeout")
    section = section_of(select_scores(plan, store))
    assert section.scores is not None
    found = section.scores["last"].loc[list(plan.selection.architectures)].tolist()
    kept = [0, 1, 2, 3, 5]
    kappa = np.where(np.arange(6) == 1, np.inf, KAPPA)[kept]
    expected = rankdata(-kappa, "dense") + rankdata(np.array(REGIONS)[kept], "dense")
    assert [found[i] for i in kept] == expected.tolist()
    assert math.isnan(found[4])
    assert row_of(section, "last").failures == (
        ("linear_regions:timeout", 1),
        ("ntk_condition:diverged", 1),
    )


def test_a_score_that_diverged_for_one_seed_and_is_not_there_for_another_is_missing(
    store, tiny_study
):
    """A mean over fewer seeds is none: what the missing one would have said is not known."""
    last = {"name": "last", "kind": "te_nas", "diverged": "last"}
    plan = plan_of(tiny_study, aggregate=[last], aggregates=[], seeds=[0, 1])

    def value(indicator: str, place: int, seed: int) -> float:
        fails = indicator == "ntk_condition" and (place == 1 or (place, seed) == (2, 0))
        return math.nan if fails else made_up(indicator, place, seed)

    fill(store, plan, value)
    first = plan.selection.architectures[1]
    ranked = select_scores(plan, store)
    section = section_of(ranked)
    assert section.scores is not None
    assert section.scores["last"].notna().all()
    frame = ranked.frame
    gone = (frame["architecture"] == first) & (frame["seed"] == 1)
    part = type(ranked)(
        ranked.space,
        frame[~gone],
        ranked.architectures,
        "",
        ranked.protocols,
        ranked.seeds,
        aggregates=ranked.aggregates,
    )
    section = section_of(part)
    assert section.scores is not None
    assert section.scores["last"].isna().sum() == 1
    assert math.isnan(section.scores["last"][first])


def test_published_values_stand_beside_the_standard_aggregate_alone(store, tiny_study):
    mine = {"name": "az_linear_rank_sum", "kind": "rank_sum", "members": ["params", "flops"]}
    plan = plan_of(tiny_study, aggregate=[mine])
    fill(store, plan, made_up)
    table = section_of(select_scores(plan, store)).table
    compared = {comparison.published.indicator for comparison in table.published}
    assert "te_nas" in compared
    assert "az_linear_rank_sum" not in compared


@pytest.mark.parametrize(
    ("metric", "is_compared"), [("valid_accuracy", True), ("latency_ms", False)]
)
def test_published_values_stand_beside_accuracies_alone(
    store, tiny_study, tmp_path, metric, is_compared
):
    plan = plan_of(tiny_study)
    fill(store, plan, made_up)
    file = tmp_path / "cifar10.csv"
    texts = plan.selection.architectures
    pd.DataFrame({"architecture": texts, metric: range(len(texts))}).to_csv(file, index=False)
    selection = select_scores(plan, store)
    truth = choose_truth(selection.space, Truth(benchmark=str(file)), datasets={"cifar10"})
    how = Statistics(resamples=20)
    table = correlation_section(selection, truth, statistics=how, command="again").table
    assert bool(table.published) == is_compared


def test_a_store_without_a_member_says_what_to_score(store, tiny_study):
    plan = plan_of(tiny_study, aggregates=[], indicators=["params", "ntk_condition"])
    fill(store, plan, made_up)
    with pytest.raises(
        MissingData,
        match=r"te_nas is computed from ntk_condition, linear_regions, but the store .*s\.sqlite "
        r"\(nasbench201\) has no scores of linear_regions; score the same architectures with "
        r"untrained score --indicators linear_regions",
    ):
        select_stored_scores(store, aggregates=aggregates_of_names(["te_nas"]))


TINY_STUDY = """\
title = "Tiny"
spaces = ["nasbench201"]
indicators = ["params"]
aggregates = ["az_nas", "hnas"]
channels = 4
cells = 1
batch_size = 8

[population]
kind = "sample"
n = 5

[[aggregate]]
name = "my_vote"
kind = "majority_vote"
members = ["naswot", "synflow", "params"]

[truth]
benchmark = "nasbench201-analog"

[statistics]
resamples = 20

[report]
formats = ["csv", "json", "markdown", "html"]
"""


def test_a_study_with_aggregates_runs_from_end_to_end(untrained, tmp_path: Path):
    (tmp_path / "tiny.toml").write_text(TINY_STUDY)
    run = ["run", tmp_path / "tiny.toml", "--output", tmp_path / "out", "--device", "cpu"]
    code, out, _ = untrained(*run, "--dry-run")
    assert code == 0
    assert "my_vote, computed when tables are made: majority_vote; pairs won" in out
    code, out, err = untrained(*run, "--workers", "1")
    assert code == 0, err
    assert "my_vote‡" in out
    assert "‡ computed from the scores of other rows" in out

    with ScoreStore(tmp_path / "out" / "scores.sqlite", create=False) as store:
        stored = store.frame()
    assert not set(stored["indicator"]) & {"az_nas", "hnas", "my_vote"}, "nothing is stored"
    scores = stored.pivot_table(index="architecture", columns="indicator", values="value")
    three = scores[["naswot", "synflow", "params"]]
    votes = pd.Series(0, index=three.index)
    for a in three.index:
        for b in three.index:
            votes[a] += int(np.sign(np.sign(three.loc[a] - three.loc[b]).sum()))
    truth = find_benchmark("nasbench201", "nasbench201-analog").table()
    accuracies = truth.set_index("architecture")["value"].loc[three.index]

    lines = list(csv.DictReader(io.StringIO((tmp_path / "out" / "report.csv").read_text())))
    by_name = {line["indicator"]: line for line in lines}
    expected = kendalltau(votes, accuracies).statistic
    assert float(by_name["my_vote"]["tau"]) == pytest.approx(expected, abs=1e-6)
    assert by_name["my_vote"]["members"] == "naswot synflow params"
    assert by_name["params"]["members"] == ""
    assert by_name["hnas"]["higher_is_better"] == "false"
    document = json.loads((tmp_path / "out" / "report.json").read_text())
    rows = {row["correlation"]["indicator"]: row for row in document["tables"][0]["rows"]}
    assert rows["az_nas"]["members"][-1] == "flops"
    assert rows["az_nas"]["protocol_text"].startswith("sum over E, P, T and FLOPs")
    markdown = (tmp_path / "out" / "report.md").read_text()
    assert "relative to this population; seed 0 (protocols " in markdown
    page = (tmp_path / "out" / "report.html").read_text()
    assert '<span title="computed from naswot, synflow, params">‡</span>' in page
    assert "against " in page

    code, out, err = untrained(
        "correlate",
        *("--store", tmp_path / "out" / "scores.sqlite", "--aggregates", "az_nas"),
        *("--benchmark", "nasbench201-analog", "--resamples", "20", "--json"),
    )
    assert code == 0, err
    (table,) = json.loads(out)["tables"]
    again = {row["correlation"]["indicator"]: row["correlation"] for row in table["rows"]}
    assert again["az_nas"]["tau"] == rows["az_nas"]["correlation"]["tau"]
    assert "hnas" not in again
    assert "--aggregates az_nas" in table["command"]


def test_aggregates_are_listed(untrained):
    code, out, _ = untrained("list", "aggregates")
    assert code == 0
    assert "majority_vote" in out
    assert "those you name" in out
    _, out, _ = untrained("list", "aggregates", "--json")
    listed = {item["name"]: item for item in json.loads(out)}
    assert listed["nasi_constrained"]["parameters"]["nu"]["default"] == 100
    assert listed["te_nas"]["members"] == "ntk_condition, linear_regions"
    assert listed["te_nas"]["relative"]
    assert listed["hnas"]["better"] == "low"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("te-nas", "no aggregate named 'te-nas'; did you mean te_nas"),
        ("rank_sum", "name its members in a table [[aggregate]] of a study"),
    ],
)
def test_a_wrong_option_is_answered_in_words(names: str, message: str, untrained, tmp_path: Path):
    with ScoreStore(tmp_path / "s.sqlite"):
        pass
    for command in ("correlate", "report"):
        code, _, err = untrained(command, "--store", tmp_path / "s.sqlite", "--aggregates", names)
        assert code == 2
        assert message in " ".join(err.split())
