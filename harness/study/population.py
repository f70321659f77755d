"""Which architectures of a space are scored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from untrained.foundation import UserError, derive
from untrained.harness.study.truth import NoTruth, find_truth
from untrained.spaces.framework.architecture_file import read_architectures

if TYPE_CHECKING:
    from untrained.harness.study.study import Study
    from untrained.spaces import SearchSpace

_LARGEST_PERMUTED = 1_000_000
_DRAWS_PER_ARCHITECTURE = 1000


@dataclass(frozen=True, slots=True)
class Selection:
    """Distinct architectures and how they were chosen."""

    architectures: tuple[str, ...]
    """Texts in the space's notation, in the order they are scored."""
    text: str
    """For a table: `sample of 250 of 15,625, seed 0`."""
    notes: tuple[str, ...] = ()
    """For a table: what its readers must know of the population."""


def select(space: SearchSpace, study: Study) -> Selection:
    """The architectures a study wants of a space.

    Raises:
        UserError: the space or the truth is too small for the sample, or cannot be enumerated.
        MissingData: a list, or the truth whose architectures are wanted, is not there.
        MalformedInput: a list that cannot be read; the message names the line.
    """
    population = study.population
    if population.kind == "list":
        assert population.file is not None
        chosen = read_architectures(Path(population.file), space, notation=population.notation)
        return Selection(chosen, f"{len(chosen):,} listed{_of(space)}")
    if population.kind == "all":
        return Selection(tuple(str(a) for a in space), f"all {len(space):,}")
    seed = study.population_seed
    if population.kind == "classes":
        return _one_of_each_class(space, population.n, seed)
    note = ""
    if population.kind == "known":
        known = _known(space, study, seed)
        if isinstance(known, Selection):
            return known
        benchmark = study.truth.benchmark or "a benchmark"
        note = f" (of the whole space: which of them {benchmark} knows was not at hand)"
    assert population.n is not None
    chosen = sample(space, population.n, seed=seed)
    return Selection(chosen, f"sample of {population.n:,}{_of(space)}, seed {seed}{note}")


def _of(space: SearchSpace) -> str:
    return "" if space.size is None else f" of {space.size:,}"


def sample(space: SearchSpace, n: int, *, seed: int) -> tuple[str, ...]:
    """Draw n distinct architectures; a smaller sample of a seed is the beginning of a larger.

    A space of up to a million is drawn from uniformly without replacement. From a larger one its
    own `sample` is called until n distinct ones have come.

    Args:
        seed: of the run; the stream also depends on the space's name.

    Raises:
        UserError: the space has fewer than n, or does not yield as many in reasonable time.
    """
    if space.size is not None and n > space.size:
        raise UserError(
            f"a sample of {n:,} was asked for, but the search space {space.name!r} has only "
            f"{space.size:,} architectures; ask for fewer, or for all of them"
        )
    rng = np.random.default_rng(derive(seed, "population", space.name))
    if space.size is not None and space.size <= _LARGEST_PERMUTED:
        place = {int(i): k for k, i in enumerate(rng.permutation(space.size)[:n])}
        found = {place[i]: str(arch) for i, arch in enumerate(space) if i in place}
        return tuple(found[k] for k in range(n))
    drawn: dict[str, None] = {}
    for _ in range(_DRAWS_PER_ARCHITECTURE * n):
        drawn[str(space.sample(rng))] = None
        if len(drawn) == n:
            return tuple(drawn)
    raise UserError(
        f"a sample of {n:,} was asked for, but {_DRAWS_PER_ARCHITECTURE * n:,} draws from "
        f"{space.name!r} gave only {len(drawn):,} distinct architectures; ask for fewer"
    )


def _one_of_each_class(space: SearchSpace, n: int | None, seed: int) -> Selection:
    """Draw functional classes, each with equal probability, and one architecture of each."""
    if space.size is None or space.size > _LARGEST_PERMUTED:
        raise UserError(
            "cannot draw one architecture of each functional class: the search space "
            f'{space.name!r} is too large to be enumerated. Use population kind "sample".'
        )
    import pandas as pd

    from untrained.results.statistics.population import one_of_each_class

    texts = [str(arch) for arch in space]
    classes = pd.Series([str(space.canonical(text)) for text in texts], texts)
    members = one_of_each_class(classes, seed=seed)
    if n is not None and n > len(members):
        raise UserError(
            f"cannot draw {n:,} functional classes: the search space {space.name!r} has only "
            f"{len(members):,}. Ask for fewer, or leave n out."
        )
    rng = np.random.default_rng(derive(seed, "population", space.name))
    chosen = tuple(members[rng.permutation(len(members))[:n]])
    of = f"{len(members):,} functions of {space.size:,} architectures"
    which = f"all {of}" if n is None else f"sample of {n:,} of {of}"
    note = (
        "each function counts once here; published values are over architectures, where it counts "
        "as often as it has spellings"
    )
    return Selection(chosen, f"{which}, one architecture each, seed {seed}", (note,))


def _known(space: SearchSpace, study: Study, seed: int) -> Selection | NoTruth:
    """The architectures that the study's truth has a value of, or a sample of them.

    Returns:
        They; without a truth, where the study can do without, why there is none: n of the whole
        space are then drawn instead.
    """
    dataset = study.find_dataset().name
    truth = find_truth(space.name, study.truth, datasets={dataset})
    if isinstance(truth, NoTruth):
        if study.population.n is None:
            raise truth.error or UserError(
                'the architectures that a benchmark knows were asked for (population kind "known"),'
                ' but with benchmark "none"; name the benchmark, or give n'
            )
        return truth
    table = truth.benchmark.table(truth.target).dropna(subset="value")
    texts = sorted(str(text) for text in table["architecture"])
    of = f"{len(texts):,} that {truth.benchmark.name} knows"
    n = study.population.n
    if n is None:
        return Selection(tuple(texts), f"all {of}")
    if n > len(texts):
        raise UserError(
            f"a sample of {n:,} was asked for, but {truth.benchmark.name!r} knows only "
            f"{len(texts):,} architectures by {truth.target.label}; ask for fewer, or leave n out"
        )
    rng = np.random.default_rng(derive(seed, "population", space.name))
    drawn = tuple(texts[int(i)] for i in rng.permutation(len(texts))[:n])
    return Selection(drawn, f"sample of {n:,} of {of}, seed {seed}")
