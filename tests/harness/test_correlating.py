"""From stored scores to a table: which scores, which truth, and said so."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import kendalltau

from untrained.foundation import MissingData, StorageError, UnknownName, UserError
from untrained.harness.analysis.correlation_tables import (
    agreement_table,
    correlation_section,
    make_report,
)
from untrained.harness.analysis.score_selection import select_scores, select_stored_scores
from untrained.harness.study.plan import Plan, plan_batches, plan_study
from untrained.harness.study.study import OwnAggregate, Statistics, Truth
from untrained.harness.study.truth import NoTruth, choose_truth
from untrained.indicators import Protocol
from untrained.reports import Section
from untrained.reports.blocks.stability import batches_part, stability_part
from untrained.reports.tables.facts import draws
from untrained.results import Score, ScoreStore, current_environment
from untrained.spaces import Benchmark, Provenance, Target, benchmarks, find_benchmark, spaces

ANALOG = Truth(benchmark="nasbench201-analog")
STATISTICS = Statistics(resamples=10)
ENVIRONMENT = current_environment(device="cpu", threads=1)


@pytest.fixture
def plan(tiny_study: Callable) -> Plan:
    study = tiny_study(indicators=["naswot", "params"], population={"n": 6}, seeds=[0, 1])
    return plan_study(study)[0]


@pytest.fixture
def store(tmp_path: Path):
    with ScoreStore(tmp_path / "s.sqlite") as opened:
        yield opened


def fill(store: ScoreStore, plan: Plan, value: Callable[[int, int, str], float], **fields) -> None:
    """Made-up scores for a plan: `value` of (place in the population, seed, indicator)."""
    scores = []
    for key in plan.keys:
        place = plan.selection.architectures.index(key.architecture)
        number = value(place, key.seed, key.indicator)
        failed = {"status": "error", "reason": "made up"} if math.isnan(number) else {}
        scores.append(Score(*key, value=number, alone_s=0.5, **failed, **fields))
    store.put(scores, ENVIRONMENT)
    for protocol in plan.protocols.values():
        store.put_protocol(protocol.digest, protocol.canonical)


def section_of(ranked, truth: Truth = ANALOG):
    chosen = choose_truth(ranked.space, truth, datasets={"cifar10"})
    return correlation_section(ranked, chosen, statistics=STATISTICS, command="again")


def row_of(section, indicator: str):
    return next(r for r in section.table.rows if r.correlation.indicator == indicator)


def test_scores_of_several_seeds_are_averaged_and_the_table_says_so(store, plan):
    fill(store, plan, lambda place, seed, name: (place * 7 % 5) + 10.0 * seed * (place % 2))
    section = section_of(select_scores(plan, store))
    architectures = plan.selection.architectures
    expected = {a: (p * 7 % 5) + 5.0 * (p % 2) for p, a in enumerate(architectures)}
    assert section.scores is not None
    assert section.truth is not None
    assert section.scores["naswot"].to_dict() == expected
    truth = find_benchmark("nasbench201", "nasbench201-analog").table()
    truth = truth.set_index("architecture")["value"]
    tau = kendalltau(list(expected.values()), [truth[a] for a in architectures]).statistic
    assert row_of(section, "naswot").correlation.tau == pytest.approx(tau)
    assert "a score is the mean over these networks" in " ".join(section.table.notes)
    assert row_of(section, "naswot").seeds == (0, 1)
    assert row_of(section, "naswot").alone_s == 0.5


def test_a_mean_needs_all_seeds_and_failures_are_counted(store, plan):
    fill(store, plan, lambda place, seed, _: math.nan if (place, seed) == (2, 1) else float(place))
    section = section_of(select_scores(plan, store))
    correlation = row_of(section, "naswot").correlation
    assert (correlation.n, correlation.n_population) == (5, 6)
    assert row_of(section, "naswot").failures == (("error", 1),)
    one = section_of(select_stored_scores(store, seed=0)[0])
    assert row_of(one, "naswot").correlation.n == 6


def test_a_network_not_scored_yet_counts_as_missing(store, plan):
    part = Plan(
        **{f: getattr(plan, f) for f in ("space", "protocols", "versions")}
        | {
            "selection": type(plan.selection)(plan.selection.architectures[:4], "4"),
            "seeds": plan.seeds,
        }
    )
    fill(store, part, lambda place, *_: float(place))
    correlation = row_of(section_of(select_scores(plan, store)), "naswot").correlation
    assert (correlation.n, correlation.n_population) == (4, 6)


def test_a_store_describes_its_population(store, plan):
    fill(store, plan, lambda place, *_: float(place))
    (ranked,) = select_stored_scores(store)
    assert ranked.population == "the 6 scored architectures of 15,625"
    assert set(ranked.architectures) == set(plan.selection.architectures)
    assert select_scores(plan, store).population == "sample of 6 of 15,625, seed 0"


def test_a_table_of_functions_says_what_published_values_count(store, plan, tiny_study):
    fill(store, plan, lambda place, *_: float(place))
    said = "each function counts once here; published values are over architectures"
    assert said not in " ".join(section_of(select_scores(plan, store)).table.notes)
    study = tiny_study(indicators=["params"], population={"kind": "classes", "n": 6})
    (of_functions,) = plan_study(study)
    fill(store, of_functions, lambda place, *_: float(place))
    table = section_of(select_scores(of_functions, store)).table
    assert said in " ".join(table.notes)


def test_several_protocols_must_be_chosen_between(store, plan):
    fill(store, plan, lambda place, *_: float(place))
    naswot = plan.protocols["naswot"]
    other = naswot.replace(data_seed=9)
    second = Plan(
        **{f: getattr(plan, f) for f in ("space", "versions", "selection", "seeds")}
        | {"protocols": {"naswot": other}}
    )
    fill(store, second, lambda place, *_: -float(place))
    with pytest.raises(UserError) as caught:
        select_stored_scores(store)
    text = str(caught.value)
    assert "naswot of nasbench201 were scored under several protocols" in text
    assert f"{naswot.digest}  {naswot.describe()}, data seed 0 (naswot)" in text
    assert f"{other.digest}  {other.describe()}, data seed 9 (naswot)" in text
    for protocol, sign in ((naswot, 1), (other, -1)):
        (ranked,) = select_stored_scores(store, protocols=[protocol.digest[:8]])
        assert set(ranked.protocols) == {"naswot", "params"}
        section = section_of(ranked)
        assert section.scores is not None
        assert section.scores.loc[plan.selection.architectures[3], "naswot"] == 3 * sign
    with pytest.raises(UserError, match="no score has the protocol 'zz'; there are: "):
        select_stored_scores(store, protocols=["zz"])


def test_old_versions_and_foreign_indicators_are_left_out_with_a_note(store, plan):
    fill(store, plan, lambda place, *_: float(place))
    newer = Plan(
        **{f: getattr(plan, f) for f in ("space", "selection", "seeds", "protocols")}
        | {"versions": {"naswot": 99, "params": 1}}
    )
    fill(store, newer, lambda place, *_: -float(place))
    fill(
        store,
        Plan(
            **{f: getattr(plan, f) for f in ("space", "selection", "seeds")}
            | {"versions": {"gone": 1}, "protocols": {"gone": Protocol()}}
        ),
        lambda place, *_: 1.0,
    )
    (ranked,) = select_stored_scores(store)
    assert "naswot: only scores of version 99 are used" in ranked.notes
    assert any(note.startswith("gone is left out: its 12 scores") for note in ranked.notes)
    assert row_of(section_of(ranked), "naswot").version == 99


def test_what_is_not_in_a_store_is_said(store, plan):
    with pytest.raises(MissingData, match="holds no scores yet; fill it with untrained score"):
        select_stored_scores(store)
    fill(store, plan, lambda place, *_: float(place))
    with pytest.raises(MissingData, match=r"no scores of seed 7; spaces: nasbench201; seeds: 0, 1"):
        select_stored_scores(store, seed=7)
    with pytest.raises(UnknownName, match="did you mean nasbench201"):
        select_stored_scores(store, space="nasbench-201")


def test_seeds_that_differ_between_architectures_are_asked_about(store, plan):
    fill(store, plan, lambda place, *_: float(place))
    first = plan.selection.architectures[0]
    key = plan.keys[0]._replace(architecture=first, seed=5)
    store.put([Score(*key, value=1.0)], ENVIRONMENT)
    with pytest.raises(
        UserError,
        match=r"naswot are to be averaged.*seed 1: 6 architectures, seed 5: 1 arch.*--seed",
    ):
        select_stored_scores(store)
    (ranked,) = select_stored_scores(store, seed=1)
    assert ranked.seeds == {"naswot": (1,), "params": (1,)}


def test_a_protocol_that_nobody_wrote_down_is_the_stores_fault(store, plan):
    store.put([Score(*plan.keys[0], value=1.0)], ENVIRONMENT)
    with pytest.raises(StorageError, match="does not say what that stands for"):
        select_stored_scores(store)


def test_shared_scores_and_foreign_targets_are_noted(store, plan):
    fill(store, plan, lambda place, *_: float(place), representative="another")
    ranked = select_scores(plan, store)
    notes = " ".join(section_of(ranked).table.notes)
    assert "24 of 24 scores are those of another member" in notes
    protocols = {n: p.replace(dataset="cifar100") for n, p in plan.protocols.items()}
    moved = type(ranked)(
        ranked.space, ranked.frame, ranked.architectures, "", protocols, ranked.seeds
    )
    notes = " ".join(section_of(moved).table.notes)
    assert "measured for cifar100, but the target is on cifar10" in notes


def test_what_was_set_with_accuracies_is_noted(store, plan, tiny_study):
    fill(store, plan, lambda place, *_: float(place))
    clean = section_of(select_scores(plan, store)).table.notes
    assert "accuracies" not in " ".join(clean)
    study = tiny_study(indicators=["naswot", "swap_regularised", "params"], population={"n": 6})
    supervised = plan_study(study)[0]
    fill(store, supervised, lambda place, *_: float(place))
    notes = section_of(select_scores(supervised, store)).table.notes
    assert notes[-1].endswith("set with accuracies of trained networks: swap_regularised")


def test_the_truth_follows_the_dataset_of_the_scores():
    chosen = choose_truth("nasbench201", ANALOG, datasets={"cifar100"})
    assert chosen.target.dataset == "cifar10", "the benchmark has no other"
    assert chosen.target.metric == "baseline_accuracy"
    assert chosen.higher_is_better
    spelled = choose_truth("nasbench201", Truth(benchmark="nasbench201-analog", dataset="CIFAR-10"))
    assert spelled.target == chosen.target
    with pytest.raises(UnknownName, match="no metric named 'acc'"):
        choose_truth("nasbench201", Truth(benchmark="nasbench201-analog", metric="acc"))


class TwoDatasets(Benchmark):
    """Every architecture has a value for two datasets."""

    name, space, kind = "two", "nasbench201", "tabular"
    provenance = Provenance("two", "tabular", "two.parquet", "0" * 64)

    def missing(self) -> None:
        return None

    def targets(self) -> tuple[Target, ...]:
        return tuple(Target(name, "test_accuracy") for name in ("cifar10", "imagenet16-120"))

    def _values(self, target: Target) -> pd.Series:
        texts = [arch.text for arch in islice(spaces["nasbench201"], 15_625)]
        return pd.Series(range(len(texts)), index=texts, dtype=float)


def test_a_stand_in_is_ranked_against_the_truth_it_stands_for_and_the_table_says_so(
    store, plan, monkeypatch
):
    monkeypatch.setitem(benchmarks._items, "two", TwoDatasets())
    fill(store, plan, lambda place, *_: float(place))
    ranked = select_scores(plan, store)
    protocols = {n: p.replace(dataset="imagenet16") for n, p in plan.protocols.items()}
    moved = replace(ranked, protocols=protocols)
    chosen = choose_truth("nasbench201", Truth(benchmark="two"), datasets={"imagenet16"})
    assert chosen.target.dataset == "imagenet16-120"
    table = correlation_section(moved, chosen, statistics=STATISTICS, command="").table
    assert (
        "imagenet16 (ImageNet at 16 pixels, 1,000 classes) is a stand-in for imagenet16-120, "
        "whose images were not used"
    ) in table.notes
    usual = choose_truth("nasbench201", Truth(benchmark="two"), datasets={"cifar10"})
    table = correlation_section(ranked, usual, statistics=STATISTICS, command="").table
    assert "stand-in" not in " ".join(table.notes)


class ThreeSeeds(TwoDatasets):
    """Values of three training seeds, the last for half of the networks; no mean."""

    name = "three"

    def targets(self) -> tuple[Target, ...]:
        return tuple(Target("cifar10", "test_accuracy", 200, seed) for seed in range(3))

    def _values(self, target: Target) -> pd.Series:
        values = super()._values(target) * (target.seed + 1)
        return values.iloc[::2] if target.seed == 2 else values


def test_a_mean_over_seeds_that_is_computed_is_said_to_be(store, plan, monkeypatch):
    monkeypatch.setitem(benchmarks._items, "three", ThreeSeeds())
    fill(store, plan, lambda place, *_: float(place))
    ranked = select_scores(plan, store)
    chosen = choose_truth("nasbench201", Truth(benchmark="three"), datasets={"cifar10"})
    assert chosen.target == Target("cifar10", "test_accuracy", 200, -1)
    section = correlation_section(ranked, chosen, statistics=STATISTICS, command="")
    (note,) = (line for line in section.table.notes if "mean of the training seeds" in line)
    known = ThreeSeeds()._values(Target("cifar10", "test_accuracy", 200, 2)).index
    fewer = sum(text not in known for text in ranked.architectures)
    assert "training seeds 0, 1, 2, computed here" in note
    assert f"; {fewer} networks were trained with fewer" in note or not fewer
    one = Truth(benchmark="three", seed=1)
    chosen = choose_truth("nasbench201", one, datasets={"cifar10"})
    table = correlation_section(ranked, chosen, statistics=STATISTICS, command="").table
    assert "training seeds" not in " ".join(table.notes)


def test_a_target_that_is_better_low_is_turned_round(store, plan):
    benchmark = find_benchmark("nasbench201", "nasbench201-analog")

    class Low(type(benchmark)):
        def higher_is_better(self, metric):
            return False

    low = Low.__new__(Low)
    low.__dict__.update(benchmark.__dict__)
    fill(store, plan, lambda place, *_: float(place))
    ranked = select_scores(plan, store)
    chosen = choose_truth("nasbench201", ANALOG)
    turned = correlation_section(
        ranked, type(chosen)(low, chosen.target), statistics=STATISTICS, command=""
    )
    tau = row_of(section_of(ranked), "naswot").correlation.tau
    assert row_of(turned, "naswot").correlation.tau == -tau
    assert "lower values of the target are better" in " ".join(turned.table.notes)


@pytest.mark.parametrize(("other", "said"), [("AVX2", True), ("AVX512", False)])
def test_a_table_of_rows_with_other_arithmetic_says_so(store, plan, other, said):
    for capability, keys in (("AVX512", plan.keys[:3]), (other, plan.keys[3:5])):
        scores = [Score(*key, value=1.0 + i) for i, key in enumerate(keys)]
        numerics = {"cpu_capability": capability, "matmul_precision": "highest"}
        store.put(scores, current_environment(device="cpu", threads=1, numerics=numerics))
    fill(store, plan, lambda place, *_: float(place))  # the rest, of an older store
    note = (
        "scores of this table were computed under different settings, which change their last "
        "digits: cpu_capability is AVX512 for 3, AVX2 for 2 of 24 scores"
    )
    (stored,) = select_stored_scores(store)
    for notes in (section_of(select_scores(plan, store)).table.notes, stored.notes):
        assert (note in notes) == said
        assert ("settings" in " ".join(notes)) == said


def test_a_table_of_rows_of_two_machines_says_so(store, plan):
    here = current_environment(device="cpu", threads=1)
    there = replace(here, torch="0.1", platform="Other", device="NVIDIA H200")
    for environment, keys in ((here, plan.keys[:20]), (there, plan.keys[20:24])):
        store.put([Score(*key, value=1.0) for key in keys], environment)
    (note,) = [n for n in select_scores(plan, store).notes if "different settings" in n]
    assert "device is cpu for 20, NVIDIA H200 for 4" in note
    assert f"torch is {here.torch} for 20, 0.1 for 4 of 24 scores" in note


def test_a_report_carries_the_environments_of_its_scores(store, plan):
    fill(store, plan, lambda place, *_: float(place))
    ranked = select_scores(plan, store)
    report = make_report("Title", [section_of(ranked)], [ranked], store)
    assert [dict(e)["device"] for e in report.environments] == ["cpu"]
    assert report.version


def store_value(main: Plan, plan: Plan, place: int, name: str) -> float:
    """A score by the place in the whole population, whatever part of it a plan has."""
    whole = main.selection.architectures.index(plan.selection.architectures[place])
    return float((whole**2 if name == "naswot" else 5 * whole) % 11)


class TestDraws:
    @pytest.fixture
    def study(self, tiny_study: Callable):
        return tiny_study(
            indicators=["naswot", "params"], population={"n": 8}, seeds=[0, 1], data_seeds=[5, 6, 7]
        )

    @staticmethod
    def value(draw: int) -> Callable[[int, int, str], float]:
        return lambda place, seed, name: (
            float(place) if name == "params" else (7 * place + 3 * seed + 5 * draw * place) % 11
        )

    def test_seeds_redraw_weights_and_data_seeds_batches(self, study) -> None:
        (main,) = plan_study(study)
        further = plan_batches(study, main)
        assert [plan.protocols["naswot"].data_seed for plan in (main, *further)] == [5, 6, 7]
        assert [plan.seeds for plan in (main, *further)] == [(0, 1), (0,), (0,)]
        digests = {plan.protocols["naswot"].digest for plan in (main, *further)}
        assert len(digests) == 3
        # what looks at no batch is not scored again
        assert {plan.protocols["params"].digest for plan in further} == {
            main.protocols["params"].digest
        }
        assert set(further[0].selection.architectures) == set(main.selection.architectures)
        assert plan_batches(study.model_copy(update={"data_seeds": None}), main) == ()

    def test_a_part_of_the_population_is_drawn_at_random(self, study) -> None:
        architectures = tuple(str(a) for a in islice(spaces["nasbench201"], 500))
        (main,) = plan_study(study, architectures={"nasbench201": architectures})
        parts = [plan.selection.architectures for plan in plan_batches(study, main)]
        assert parts[0] == parts[1]
        assert len(set(parts[0])) == 100
        assert not set(parts[0]) <= set(architectures[:300])

    def test_tables_say_how_many_draws_there_are_and_contain_their_noise(
        self, study, store: ScoreStore
    ) -> None:
        (main,) = plan_study(study)
        further = plan_batches(study, main)
        truth = choose_truth("nasbench201", ANALOG, datasets={"cifar10"})
        accuracies = truth.values(pd.Index(main.selection.architectures)).tolist()
        for sign, plan in zip((1, 1, -1), (main, *further), strict=True):
            fill(
                store,
                plan,
                lambda place, seed, name, sign=sign: (
                    sign * (accuracies[place] + 5 * (place % 3)) if name == "naswot" else place
                ),
            )
        selection = select_scores(main, store)
        batches = tuple(select_scores(plan, store) for plan in further)
        plain = section_of(selection).table
        noisy = section_of(replace(selection, batches=batches)).table
        assert draws(plain) == (
            "2 of the weights, a score is their mean; 1 of the batch, whose noise is in no interval"
        )
        assert draws(noisy) == (
            "2 of the weights, a score is their mean; 3 of the batch, on 8 of the architectures, "
            "whose common noise is added in quadrature to the intervals of this table and of "
            "differences between indicators"
        )
        one, other = (
            next(row for row in table.rows if row.indicator == "naswot") for table in (plain, noisy)
        )
        assert (other.batch.draws, other.batch.n) == (3, 8)
        assert other.batch.tau > 0
        assert other.correlation.tau == one.correlation.tau
        assert other.correlation.tau_low < one.correlation.tau_low
        assert batches_part(Section(noisy)).grid.record(other)["tau_sd"] == other.batch.tau
        assert batches_part(Section(plain)) is None

    def test_an_aggregate_ranks_the_same_networks_for_every_batch(
        self, study, store: ScoreStore, monkeypatch
    ) -> None:
        monkeypatch.setattr("untrained.harness.study.plan.PART", 5)
        sums = {"name": "both", "kind": "rank_sum", "members": ("naswot", "params")}
        (main,) = plan_study(study.model_copy(update={"aggregate": (OwnAggregate(**sums),)}))
        further = plan_batches(study, main)
        for plan in (main, *further):  # no batch moves anything
            fill(
                store,
                plan,
                lambda place, seed, name, plan=plan: store_value(main, plan, place, name),
            )
        batches = tuple(select_scores(plan, store) for plan in further)
        table = section_of(replace(select_scores(main, store), batches=batches)).table
        noise = {row.indicator: row.batch for row in table.rows}
        assert {name: (one.n, one.tau_of_part) for name, one in noise.items()} == {
            "naswot": (5, 0), "params": (5, 0), "both": (5, 0)
        }  # fmt: skip

    def test_a_store_tells_further_batches_from_other_protocols(
        self, study, store: ScoreStore, monkeypatch
    ) -> None:
        monkeypatch.setattr("untrained.harness.study.plan.PART", 5)
        (main,) = plan_study(study)
        further = plan_batches(study, main)
        for draw, plan in enumerate((main, *further)):
            fill(store, plan, self.value(draw))
        (found,) = select_stored_scores(store)
        assert found.protocols["naswot"].data_seed == 5
        assert [one.protocols["naswot"].data_seed for one in found.batches] == [6, 7]
        own = tuple(select_scores(plan, store) for plan in further)
        planned = section_of(replace(select_scores(main, store), batches=own)).table
        assert draws(section_of(found).table) == draws(planned)
        assert [row.batch for row in section_of(found).table.rows] == [
            row.batch for row in planned.rows
        ]
        # a batch for all networks, too, could as well be meant
        whole = replace(further[0], selection=main.selection)
        fill(store, whole, self.value(1))
        with pytest.raises(UserError, match="naswot of nasbench201 were scored under several"):
            select_stored_scores(store)

    def test_the_mean_over_seeds_is_an_option(self, study, store: ScoreStore) -> None:
        (main,) = plan_study(study)
        fill(store, main, self.value(0))
        chosen = choose_truth("nasbench201", ANALOG, datasets={"cifar10"})
        first = Statistics(resamples=10, average="none")
        section = correlation_section(
            select_scores(main, store), chosen, statistics=first, command=""
        )
        architectures = main.selection.architectures
        expected = [self.value(0)(place, 0, "naswot") for place in range(8)]
        assert section.scores["naswot"].loc[list(architectures)].tolist() == expected
        row = next(row for row in section.table.rows if row.indicator == "naswot")
        assert row.seeds == (0,)
        # both seeds are still compared with each other
        assert row.stability.seeds == (0, 1)
        assert draws(section.table).startswith("1 of the weights; 1 of the batch")
        assert stability_part(section).meaning.endswith("own τ-b is that of the first of them.")
        usual = stability_part(section_of(select_scores(main, store))).meaning
        assert usual.endswith("that of the mean over seeds, which is less noisy than one seed.")
        table = agreement_table(
            select_scores(main, store), NoTruth("none"), statistics=first, command=""
        )
        assert {row.indicator: row.seeds for row in table.rows} == {"naswot": (0,), "params": (0,)}
