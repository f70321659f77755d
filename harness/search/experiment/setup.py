"""Prepare the searches of a study: evaluators, estimators, costs and limits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from untrained.foundation import MissingData, UnknownName, UserError, Value, derive
from untrained.harness.data.datasets import find_dataset
from untrained.harness.data.inputs import batches
from untrained.harness.execution.executors import Device, device_name
from untrained.harness.execution.scoring import build_network
from untrained.harness.search.estimator import Estimator, find_estimator
from untrained.harness.search.evaluators.evaluator import Evaluator, TabularEvaluator, Trainings
from untrained.harness.search.evaluators.measuring import Measuring, MeasuringEvaluator
from untrained.harness.search.evaluators.stored_scores import (
    StoredScores,
    coverage,
    read_scores,
    threads_text,
)
from untrained.harness.search.evaluators.supernet import SupernetEvaluator, SupernetMeter
from untrained.harness.search.problem import Cost, Domain, Limit, Problem
from untrained.harness.search.searcher import Asks, Searcher, searchers
from untrained.harness.study.conditions import resolve
from untrained.harness.study.search_study import SearchSpec, SearchStudy
from untrained.harness.study.study import Conditions
from untrained.indicators import Measurement, indicators, read
from untrained.results import ScoreStore
from untrained.results.searches.pools import Pools
from untrained.results.statistics.size_bias import SIZES
from untrained.results.store.committed import find_scores
from untrained.spaces import Architecture, Benchmark, benchmarks, find_benchmark, spaces
from untrained.spaces.benchmarks.benchmark import is_cost

SCORES = {Asks.scores, Asks.drawn_scores}
ACCURACIES = {Asks.accuracy, Asks.drawn_accuracy}
SUPERNETS = {Asks.supernet, Asks.supernet_gradient}


@dataclass(frozen=True, slots=True, eq=False)
class PreparedSearch:
    """One search of a study, ready to run."""

    spec: SearchSpec
    searcher: Searcher
    evaluator: Evaluator
    estimator: Estimator | None
    facts: tuple[str, ...]
    """Origin of the answers, for the report."""
    stored: StoredScores | None = None
    """Scores that the search looks up."""
    pools: Pools | None = None
    """Pools of networks that the runs are divided over."""
    problems: tuple[Problem, ...] = ()
    """The problem of each pool."""
    trainings: Trainings | None = None
    """Trainings that the search looks up."""

    @property
    def label(self) -> str:
        """The label of the study; by default searcher, estimator and settings."""
        if self.spec.label is not None:
            return self.spec.label
        parts = [self.searcher.name]
        if self.estimator is not None:
            parts.append(f"by {self.estimator.name}")
        parts += [f"{name}={value}" for name, value in sorted(self.spec.settings.items())]
        return " ".join(parts)

    @property
    def settings(self) -> dict[str, Value]:
        """All settings of the searcher."""
        return self.searcher.settings(self.spec.settings)

    @property
    def metrics_seen(self) -> frozenset[str]:
        """Metrics of the benchmark that the search looks up as its objectives."""
        return self.searcher.costs_named(self.settings).difference(SIZES)

    @property
    def asks(self) -> frozenset[Asks]:
        """Answers that the searcher requests under its settings."""
        return self.searcher.asks_with(self.settings)

    @property
    def cost_is_known(self) -> bool:
        """Whether the seconds of the search mean anything."""
        return self.trainings is None or self.trainings.cost.is_known


def benchmark_of(study: SearchStudy) -> Benchmark | None:
    """Find the benchmark of a study; None where its space has none that is present.

    By default a benchmark that answers for any network comes first for a space that is too large
    for a table: a table of some thousands of networks rarely has the answer of a search.

    Raises:
        UserError: the named benchmark does not fit, or is not there.
    """
    if study.benchmark is None and spaces[study.space].size is None:
        for benchmark in benchmarks.values():
            fits = benchmark.space == study.space and not benchmark.enumerable
            if fits and benchmark.missing() is None:
                return benchmark
    try:
        return find_benchmark(study.space, study.benchmark)
    except MissingData:
        if study.benchmark is not None:
            raise
        return None


def prepare_search(
    spec: SearchSpec,
    study: SearchStudy,
    benchmark: Benchmark | None,
    *,
    measuring: Measuring | None = None,
    device: Device = "cpu",
) -> PreparedSearch:
    """Make the evaluator of one search; the device is that of supernets.

    Raises:
        UserError: a name does not exist or options do not fit together; in particular, the
            searcher would visit networks without scores.
        MissingData: scores or a benchmark that are not there.
    """
    searcher = searchers[spec.searcher]
    asks = searcher.asks_with(searcher.settings(spec.settings))
    estimator = find_estimator(spec.indicator) if asks & (SCORES | {Asks.supernet}) else None
    if spec.indicator and estimator is None:
        raise UserError(
            f"the indicator {', '.join(spec.indicator)} was given to {searcher.name}, which under "
            "these settings asks for accuracies only; leave it out, or set by=scores"
        )
    dataset = _dataset(study, benchmark) or "cifar10"
    if asks & SUPERNETS:
        supernet, fact = _supernet_evaluator(spec, study, dataset, estimator, device)
        return PreparedSearch(spec, searcher, supernet, estimator, (fact,))
    if spec.inputs is not None:
        raise UserError(
            f"inputs = {spec.inputs!r} was given to {searcher.name}, which measures no supernet; "
            "leave it out: the inputs of single networks are given under [measuring]"
        )
    facts: list[str] = []
    trainings = stored = None
    if asks & ACCURACIES:
        table = find_benchmark(study.space) if benchmark is None else benchmark
        trainings = Trainings(table, study.dataset)
        facts.append(f"seconds of a training: {trainings.cost.text}")
    if estimator is not None and study.scores is not None:
        stored = read_scores(
            find_scores(study.scores), study.space, estimator, protocols=study.protocols
        )
        facts += [
            f"scores of {coverage(len(stored.values), study.space)} networks, looked up in "
            f"{study.scores}; one costs {stored.cost_s:.3g} s, the median measured on "
            f"{stored.measured_on}, every indicator by itself",
            *stored.protocols,
            *stored.notes,
        ]
    members, confined = _members(spec, study, stored, trainings, facts)
    limits = [
        Limit(name, most, find_cost(name, study, benchmark)) for name, most in spec.limits.items()
    ]
    facts += [f"every network keeps {limit.name} <= {limit.at_most:,g}" for limit in limits]
    domain = Domain(spaces[study.space], members=members, confined=confined, limits=limits)
    settings = searcher.settings(spec.settings)
    named = sorted(searcher.costs_named(settings))
    costs = {name: find_cost(name, study, benchmark, any_metric=True) for name in named}
    facts += [
        f"the search sees {name} of any network, in the benchmark {benchmark.name}, at no cost"
        for name in named
        if name not in SIZES and benchmark is not None
    ]
    problem = Problem(domain, dataset, estimator, costs)
    pools: Pools | None = None
    problems: tuple[Problem, ...] = ()
    if study.pools is not None and stored is not None:
        pools, domains = draw_pools(study, searcher, settings, domain, spec.runs or study.runs)
        problems = tuple(replace(problem, domain=one) for one in domains)
        facts.append(
            f"pools: {pools.number} of {pools.size:,} of these {pools.drawn_from:,} networks, all "
            f"different, each drawn without replacement (seed {study.seed}); run r is on pool r "
            f"modulo {pools.number}"
        )
    if spec.seconds is not None and trainings is not None and not trainings.cost.is_known:
        raise UserError(
            f"a budget of {spec.seconds:g} s was given, but nobody recorded what a training of "
            f"{study.space} takes; give the number of trainings (--evaluations), or a benchmark "
            "with the metric train_time_s"
        )
    evaluator: Evaluator
    if estimator is not None and stored is None:
        if measuring is None:
            raise UserError(
                f"{searcher.name} asks for scores, and there is nowhere to look them up or to keep "
                "them; give --scores FILE (stored ones) or --store FILE (to measure them)"
            )
        how = study.measuring
        changed = how.changes() or "under the indicators' protocols"
        facts.append(
            f"scores are measured as the search goes, on {how.inputs} inputs, {changed}; one costs "
            "what its indicators take by themselves"
        )
        evaluator = MeasuringEvaluator(problem, study, measuring, trainings=trainings)
    else:
        evaluator = TabularEvaluator(
            problem,
            scores=stored.values if stored else None,
            score_cost_s=stored.cost_s if stored else 0.0,
            trainings=trainings,
            draws=stored.draws if stored else None,
        )
    return PreparedSearch(
        spec,
        searcher,
        evaluator,
        estimator,
        tuple(facts),
        stored=stored,
        pools=pools,
        problems=problems,
        trainings=trainings,
    )


def _supernet_evaluator(
    spec: SearchSpec, study: SearchStudy, dataset: str, estimator: Estimator | None, device: Device
) -> tuple[SupernetEvaluator, str]:
    """Make the evaluator of a supernet, and the fact of it for the report.

    Raises:
        UserError: the space has no supernet, stored scores are given, or limits.
        UnknownName: inputs or an initialisation that do not exist.
    """
    if study.scores is not None or study.store is not None:
        raise UserError(
            f"{spec.searcher} measures a supernet as it goes, and scores of single networks were "
            "given to look up or to keep; leave out --scores and --store"
        )
    if spec.limits:
        raise UserError(
            f"{spec.searcher} searches a supernet and cannot keep a network below "
            f"{', '.join(spec.limits)}; leave out --limit, or take the searcher evolution"
        )
    how = study.measuring
    inputs = spec.inputs or how.inputs
    space = spaces[study.space]
    meter = SupernetMeter(space, how.about(dataset, inputs=inputs), seed=how.seed, device=device)
    changed = how.changes()
    fact = f"a supernet of {space.title} is measured on {inputs} inputs" + (
        f", {changed}" if changed else ", under the protocols of what it is scored by"
    )
    measured_on = f"{device_name(device)}, {threads_text(torch.get_num_threads())}"
    problem = Problem(Domain(space), dataset, estimator)
    return SupernetEvaluator(problem, meter, measured_on=measured_on), fact


def _members(
    spec: SearchSpec,
    study: SearchStudy,
    stored: StoredScores | None,
    trainings: Trainings | None,
    facts: list[str],
) -> tuple[list[Architecture] | None, bool]:
    """List the networks with all requested answers, and tell whether the search is confined.

    None stands for the whole space. What the report has to say of it is added to the facts.

    Raises:
        UserError: the searcher would leave the networks with answers, and is not confined.
        MissingData: no network has all requested answers.
    """
    space, searcher = spaces[study.space], searchers[spec.searcher]
    known: dict[Asks, list[str]] = {}
    if stored is not None:
        known[Asks.scores] = list(stored.values)
    if trainings is not None and trainings.benchmark.enumerable:
        known[Asks.accuracy] = trainings.known(int(spec.settings.get("epochs", 0)))
    known = {
        ask: texts
        for ask, texts in known.items()
        if len(texts) != space.size or (study.pools is not None and ask is Asks.scores)
    }
    if not known:
        return None, False
    first, *others = known.values()
    common = set(first).intersection(*others)
    texts = [text for text in first if text in common]
    if not texts:
        raise MissingData(
            f"no network of {study.space} has both a score in {study.scores} and a validation "
            "accuracy; score networks that the benchmark knows (population known in a study)"
        )
    # parts of the space that the search would leave
    asks = searcher.asks_with(searcher.settings(spec.settings))
    partial = [known[ask] for ask in known if ask in asks]
    if partial and not spec.confined and len(partial[0]) == space.size:
        raise UserError(
            f"cannot run {searcher.name} on pools: it goes from a network to those next to it, "
            "which a pool does not have. Let the search stay in its pool (--confined), or leave "
            "pools out."
        )
    if partial and not spec.confined:
        raise UserError(
            f"{searcher.name} goes from a network to those next to it, but only "
            f"{coverage(len(partial[0]), study.space)} have what it asks for; score the whole "
            "space (untrained score --all), let the search stay among them (--confined), or take "
            "a searcher that only draws (random)"
        )
    if partial:
        facts.append(
            f"the search stays among the {coverage(len(texts), study.space)} networks that have "
            "what it asks for: what lies next to a network are those of them at the smallest "
            "number of changed decisions, and a policy proposes until it proposes one of them"
        )
    else:
        facts.append(
            f"networks are drawn from the {coverage(len(texts), study.space)} that have what "
            "the search asks for; mutations go anywhere"
        )
    return [Architecture(space.name, text) for text in texts], bool(partial)


def draw_pools(
    study: SearchStudy, searcher: Searcher, settings: Mapping[str, Value], domain: Domain, runs: int
) -> tuple[Pools, tuple[Domain, ...]]:
    """Draw the pools of a study, all different, each without replacement.

    Searches of a study that draw from the same networks get the same pools, and a larger number of
    pools begins with the smaller one's.

    Args:
        domain: the networks that have what the search asks for and keep its limits.
        runs: of the search; with fewer than pools, only so many pools are drawn.

    Raises:
        UserError: there are not so many different pools, or a pool is smaller than the searcher's
            population.
    """
    networks = domain.members
    assert study.pools is not None, "the study has no pools"
    assert networks is not None, "pools are drawn from scored networks"
    count, size = len(networks), study.pool_size or len(networks) // 2
    population = settings.get("population", 1)
    if isinstance(population, int) and size < population:
        raise UserError(
            f"cannot run {searcher.name} on pools of {size:,} networks: its population is "
            f"{population:,}. Raise pool_size, or lower the population."
        )
    possible = math.comb(count, size)
    if possible < study.pools:
        raise UserError(
            f"cannot draw {study.pools:,} different pools of {size:,} networks: the {count:,} "
            f"scored networks have {possible:,}. Lower pools, or change pool_size."
        )
    number = min(study.pools, runs)
    rng = np.random.default_rng(derive(study.seed, "pools"))
    drawn: dict[tuple[int, ...], None] = {}
    while len(drawn) < number:
        places = np.sort(rng.choice(count, size=size, replace=False))
        drawn[tuple(places.tolist())] = None
    domains = (
        Domain(
            domain.space,
            members=[networks[place] for place in places],
            confined=domain.confined,
            limits=domain.limits,
        )
        for places in drawn
    )
    return Pools(number, size, count, domain.space.size), tuple(domains)


def find_cost(
    name: str, study: SearchStudy, benchmark: Benchmark | None, *, any_metric: bool = False
) -> Cost:
    """Find a size or a measured cost of networks.

    `params` and `flops` are looked up in the study's scores; missing ones are counted on the
    network of their reference protocol, or of the study's size. Every other name is a cost of the
    benchmark on the study's dataset.

    Args:
        any_metric: whether the name may also be of a metric that is no cost, such as an accuracy.

    Returns:
        A function of an architecture; NaN where nothing is known.

    Raises:
        UnknownName: no cost of these networks has that name.
    """
    dataset = _dataset(study, benchmark)
    if name in SIZES:
        return _size(name, study, dataset or indicators[name].protocol.dataset)
    costs: set[str] = set()
    if benchmark is not None and benchmark.enumerable:
        here = (t.metric for t in benchmark.targets() if t.dataset == dataset)
        costs = {metric for metric in here if any_metric or is_cost(metric)}
    if benchmark is None or name not in costs:
        kind = "metric of a network" if any_metric else "cost of a network"
        raise UnknownName(kind, name, {*SIZES, *costs})
    table = benchmark.table(dataset=dataset, metric=name)
    known = dict(zip(table["architecture"], table["value"], strict=True))
    return lambda arch: float(known.get(arch.text, math.nan))


def _size(name: str, study: SearchStudy, dataset: str) -> Cost:
    """Look `params` or `flops` up where they are stored; else count them, once per network."""
    space = spaces[study.space]
    conditions = Conditions(
        inputs="gaussian",
        dataset=find_dataset(dataset).name,
        channels=study.measuring.channels,
        cells=study.measuring.cells,
        # images keep their own
        resolution=study.measuring.resolution if study.measuring.synthetic else None,
    )
    reference = indicators[name].protocol
    protocol = resolve(reference, conditions, least_cells=space.least_cells)
    known = _stored_sizes(name, study)

    def count(architecture: Architecture) -> float:
        if name == "params":
            return float(
                space.num_parameters(
                    architecture,
                    num_classes=protocol.num_classes,
                    channels=protocol.channels,
                    cells=protocol.cells,
                    in_channels=protocol.in_channels,
                )
            )
        network = build_network(space.name, architecture.text, protocol, seed=0, device="cpu")
        with Measurement(network, batches(protocol)) as measurement:
            return read(measurement, ["flops"])["flops"].value

    def size(architecture: Architecture) -> float:
        if architecture.text not in known:
            known[architecture.text] = count(architecture)
        return known[architecture.text]

    return size


def _stored_sizes(name: str, study: SearchStudy) -> dict[str, float]:
    if study.scores is None:
        return {}
    path = find_scores(study.scores)
    with ScoreStore.read(path) as store:
        held = set(store.frame(space=study.space)["indicator"])
    if name not in held:
        return {}
    stored = read_scores(path, study.space, find_estimator([name]), protocols=study.protocols)
    return {text: value for text, (value,) in stored.values.items() if not math.isnan(value)}


def _dataset(study: SearchStudy, benchmark: Benchmark | None) -> str | None:
    return study.dataset or (benchmark.default_target.dataset if benchmark else None)
