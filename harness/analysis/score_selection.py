"""The scores of one population, from a plan or from a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from untrained.foundation import MalformedInput, MissingData, StorageError, UserError
from untrained.harness.study.plan import Plan
from untrained.indicators import Protocol, indicators
from untrained.results import ScoreStore
from untrained.results.aggregates import BoundAggregate
from untrained.results.store.score import NUMERIC_SETTINGS
from untrained.spaces import spaces

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class ScoreFile:
    """Name and content hash of a file of scores, and what was asked of it."""

    name: str
    sha256: str
    dataset: str | None
    """In the spelling of known data sets; None: the file names none."""
    lower_is_better: tuple[str, ...]

    def higher_is_better(self, name: str) -> bool:
        """Direction of a column: that of the indicator of this name, else higher is better."""
        if name in self.lower_is_better:
            return False
        return indicators[name].higher_is_better if name in indicators else True

    def describe(self) -> str:
        """One line in place of a protocol."""
        dataset = f", {self.dataset}" if self.dataset else ""
        return f"from the file {self.name} (SHA-256 {self.sha256[:12]}){dataset}, protocol unknown"


@dataclass(frozen=True, slots=True, eq=False)
class ScoreSelection:
    """Scores of one search space, and the population they belong to."""

    space: str
    frame: pd.DataFrame
    """Rows of `ScoreStore.frame`; one version and protocol an indicator."""
    architectures: tuple[str, ...]
    """The population."""
    population: str
    """The population in words."""
    protocols: Mapping[str, Protocol]
    """By indicator id; none of a file of others' scores."""
    seeds: Mapping[str, tuple[int, ...]]
    """By indicator id."""
    notes: tuple[str, ...] = field(default=())
    aggregates: tuple[BoundAggregate, ...] = ()
    """Computed from the scores when a table is made; their members are among the columns."""
    file: ScoreFile | None = None
    """The file that holds the scores, if others computed them."""
    batches: tuple[ScoreSelection, ...] = ()
    """The scores of a part of the population for further batches."""

    def averaging(self, average: Literal["seeds", "none"]) -> ScoreSelection:
        """The scores that a table takes the mean of, as `Statistics.average` says."""
        return self if average == "seeds" else self.first_draw()

    def first_draw(self) -> ScoreSelection:
        """The scores of the first seed of every indicator."""
        first = {name: seeds[:1] for name, seeds in self.seeds.items()}
        return self if first == self.seeds else self.with_seeds(first)

    def with_seeds(self, seeds: Mapping[str, tuple[int, ...]]) -> ScoreSelection:
        """The scores of some seeds of each indicator."""
        pairs = zip(self.frame["indicator"], self.frame["seed"], strict=True)
        kept = self.frame[[seed in seeds[name] for name, seed in pairs]]
        return replace(self, frame=kept, seeds=seeds)

    def among(self, architectures: Collection[str]) -> ScoreSelection:
        """The scores of some architectures of the population."""
        part = self.frame["architecture"].isin(architectures)
        return replace(self, frame=self.frame[part], architectures=tuple(architectures))

    def computing(self, aggregates: Iterable[BoundAggregate]) -> ScoreSelection:
        """The same scores with these aggregates; of a further batch those that it has scores for.

        Args:
            aggregates: all of whose members are among the scores.
        """
        those = tuple(aggregates)
        batches = (
            one.computing(item for item in those if one.protocols.keys() >= {*item.members})
            for one in self.batches
        )
        return replace(self, aggregates=those, batches=tuple(batches))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the scores, in the order of a table."""
        return tuple(self.seeds)

    @property
    def datasets(self) -> set[str]:
        """Datasets that the scores are about."""
        if self.file is not None:
            return set() if self.file.dataset is None else {self.file.dataset}
        return {protocol.dataset for protocol in self.protocols.values()}

    def higher_is_better(self, name: str) -> bool:
        """Direction of a score."""
        if self.file is not None:
            return self.file.higher_is_better(name)
        return indicators[name].higher_is_better


def select_scores(plan: Plan, store: ScoreStore) -> ScoreSelection:
    """The stored scores that a plan wanted, and no others."""
    frame = plan.scores_in(store)
    return ScoreSelection(
        plan.space,
        frame,
        plan.selection.architectures,
        plan.selection.text,
        plan.protocols,
        dict.fromkeys(plan.protocols, plan.seeds),
        (*plan.selection.notes, *numeric_notes(frame, store)),
        aggregates=plan.aggregates,
    )


def select_stored_scores(
    store: ScoreStore,
    *,
    space: str | None = None,
    protocols: Sequence[str] = (),
    seed: int | None = None,
    aggregates: Sequence[BoundAggregate] = (),
    only: Sequence[str] | None = None,
) -> list[ScoreSelection]:
    """Select the scores of a store, for one table per search space.

    Of each indicator the newest version counts. Scores of several seeds are all kept; a table
    averages them. Further batches of a part of the networks, as `data_seeds` of a study draws them,
    are the selection's `batches`.

    Args:
        protocols: digests, or beginnings of them, to choose among several of one indicator.

    Raises:
        MissingData: nothing in the store fits, or an aggregate has no scores of a member.
        UserError: an indicator was scored under several protocols and none is chosen, or with
            other seeds for some architectures than for others.
        StorageError: the store does not say what a protocol stands for.
        MalformedInput: a stored protocol is damaged.
    """
    if space is not None:
        spaces[space]
    frame = store.frame(space=space, seed=seed, indicators=only)
    if frame.empty:
        raise MissingData(_nothing_fits(store, space, seed, only))
    check_chosen(protocols, set(frame["protocol"]), "no score")
    known = _known_protocols(store, set(frame["protocol"]))
    selections = [
        _select(str(name), part, known, protocols) for name, part in frame.groupby("space")
    ]
    for part in selections:
        check_members(aggregates, list(part.protocols), f"the store {store.path} ({part.space})")
    return [
        replace(part, notes=(*part.notes, *numeric_notes(part.frame, store))).computing(aggregates)
        for part in selections
    ]


SOFTWARE = ("device", "platform", "threads", "torch", "numpy", "scipy")
"""Fields of an environment that change the last bits of scores, besides `NUMERIC_SETTINGS`."""


def numeric_notes(frame: pd.DataFrame, store: ScoreStore) -> tuple[str, ...]:
    """Say that scores were computed under different settings of arithmetic, if they were."""
    counts = frame["environment"].value_counts()
    environments = store.environments()
    found: list[str] = []
    for name in (*SOFTWARE, *NUMERIC_SETTINGS):
        by_value: Counter[str] = Counter()
        for number, count in zip(counts.index, counts, strict=True):
            value = getattr(environments.get(number), name, None)
            if value is not None:  # older stores do not say
                by_value[value] += count
        if len(by_value) > 1:
            values = ", ".join(f"{value} for {n:,}" for value, n in by_value.most_common())
            found.append(f"{name} is {values}")
    if not found:
        return ()
    return (
        "scores of this table were computed under different settings, which change their last "
        f"digits: {'; '.join(found)} of {len(frame):,} scores",
    )


def check_members(chosen: Sequence[BoundAggregate], stored: Sequence[str], place: str) -> None:
    """Refuse an aggregate whose members were not scored, or whose row would hide a score's.

    Raises:
        MissingData: a member is missing.
        UserError: a score has the name of the aggregate.
    """
    for one in chosen:
        if one.name in stored:
            raise UserError(
                f"cannot compute {one.name}: {place} has scores of this name, whose row it would "
                "take. Leave one of the two out, or rename the scores."
            )
        missing = [member for member in one.members if member not in stored]
        if missing:
            raise MissingData(
                f"{one.name} is computed from {', '.join(one.members)}, but {place} has no scores "
                f"of {', '.join(missing)}; score the same architectures with untrained score "
                f"--indicators {','.join(missing)}"
            )


def _nothing_fits(
    store: ScoreStore, space: str | None, seed: int | None, only: Sequence[str] | None
) -> str:
    frame = store.frame()
    if frame.empty:
        return f"the store {store.path} holds no scores yet; fill it with untrained score"
    asked = [f"space {space}"] * (space is not None) + [f"seed {seed}"] * (seed is not None)
    asked += [f"the indicators {', '.join(only)}"] if only else []
    found = ", ".join(sorted(set(frame["space"])))
    seeds = ", ".join(map(str, sorted(set(frame["seed"]))))
    return f"the store {store.path} has no scores of {', '.join(asked)}; spaces: {found}; " + (
        f"seeds: {seeds}; indicators: {', '.join(sorted(set(frame['indicator'])))}"
    )


def check_chosen(chosen: Iterable[str], stored: set[str], none: str) -> None:
    """Refuse the beginning of a digest that no stored protocol has; `none` begins the sentence."""
    for prefix in chosen:
        if not any(digest.startswith(prefix) for digest in stored):
            raise UserError(
                f"{none} has the protocol {prefix!r}; there are: {', '.join(sorted(stored))}"
            )


def _known_protocols(store: ScoreStore, digests: set[str]) -> dict[str, Protocol]:
    texts = store.protocols()
    for digest in sorted(digests):
        if not texts.get(digest):
            raise StorageError(
                f"the store {store.path} holds scores of the protocol {digest}, but does not say "
                "what that stands for; a table needs it: score into the store with untrained score"
            )
    known = {}
    for digest in sorted(digests):
        try:
            known[digest] = Protocol.from_json(texts[digest])
        except MalformedInput as error:
            raise MalformedInput(
                f"{store.path}, protocol {digest}: {error} Restore a copy of the file."
            ) from error
    return known


def _select(
    space: str, frame: pd.DataFrame, known: Mapping[str, Protocol], chosen: Sequence[str]
) -> ScoreSelection:
    notes: list[str] = []
    parts: dict[str, pd.DataFrame] = {}
    further: dict[str, pd.DataFrame] = {}
    ambiguous: dict[str, list[str]] = {}
    for name, rows in frame.groupby("indicator"):
        indicator = str(name)
        if indicator not in indicators:
            notes.append(
                f"{indicator} is left out: its {len(rows)} scores are there, but no indicator of "
                "that name is installed"
            )
            continue
        version = int(rows["version"].max())
        newest = rows[rows["version"] == version]
        if len(newest) < len(rows):
            notes.append(f"{indicator}: only scores of version {version} are used")
        digests = sorted(set(newest["protocol"]))
        if len(digests) > 1:
            fitting = [d for d in digests if any(d.startswith(prefix) for prefix in chosen)]
            digests = fitting or digests
        first = first_batch(newest[newest["protocol"].isin(digests)], known)
        if first is None:
            ambiguous[indicator] = digests
        else:
            parts[indicator] = newest[newest["protocol"] == first]
            further[indicator] = newest[newest["protocol"].isin({*digests} - {first})]
    if ambiguous:
        raise UserError(_ambiguous(space, ambiguous, known, sorted(set(frame["seed"]))))
    if not parts:
        raise MissingData(f"no scores of {space} can be ranked; {'; '.join(notes)}")
    return replace(
        _selection(space, parts, known),
        notes=tuple(notes),
        batches=tuple(
            _selection(space, one, known) for one in _further_batches(parts, further, known)
        ),
    )


def _selection(
    space: str, parts: Mapping[str, pd.DataFrame], known: Mapping[str, Protocol]
) -> ScoreSelection:
    import pandas as pd

    used = pd.concat(parts.values())
    architectures = tuple(sorted(set(used["architecture"])))
    return ScoreSelection(
        space,
        used,
        architectures,
        population_text(space, len(architectures)),
        {name: known[part["protocol"].iloc[0]] for name, part in parts.items()},
        {name: _even_seeds(name, part) for name, part in parts.items()},
    )


def first_batch(rows: pd.DataFrame, known: Mapping[str, Protocol]) -> str | None:
    """Find the protocol of one indicator's scores that others repeat with further batches.

    Args:
        rows: scores of one indicator and version.
        known: the protocols, by digest.

    Returns:
        The digest of the only protocol, or of that with the most networks if the others differ
        from it in the batch alone and have fewer of these networks; None where there is no such.
    """
    digests = rows["protocol"].unique()
    if len(digests) == 1:
        return str(digests[0])
    networks = {
        str(digest): set(those) for digest, those in rows.groupby("protocol")["architecture"]
    }
    first = max(networks, key=lambda digest: (len(networks[digest]), digest))
    alike = {known[digest].replace(data_seed=0, sample_ids=()) for digest in networks}
    others = (those for digest, those in networks.items() if digest != first)
    return first if len(alike) == 1 and all(one < networks[first] for one in others) else None


def _further_batches(
    parts: Mapping[str, pd.DataFrame],
    further: Mapping[str, pd.DataFrame],
    known: Mapping[str, Protocol],
) -> Iterator[dict[str, pd.DataFrame]]:
    """Yield the scores for each further batch; those that look at no batch are in each."""
    seeds = {known[digest].data_seed for rows in further.values() for digest in rows["protocol"]}
    for seed in sorted(seeds):
        drawn = {
            name: rows[[known[digest].data_seed == seed for digest in rows["protocol"]]]
            for name, rows in further.items()
        }
        drawn = {name: rows for name, rows in drawn.items() if not rows.empty}
        networks = {text for rows in drawn.values() for text in rows["architecture"]}
        for name, rows in parts.items():
            if known[rows["protocol"].iloc[0]].inputs == "none":
                drawn[name] = rows[rows["architecture"].isin(networks)]
        # a mean over the seeds of the weights is not compared with one of them
        yield {name: rows[rows["seed"] == rows["seed"].min()] for name, rows in drawn.items()}


def population_text(space: str, count: int) -> str:
    """Describe so many architectures of a space that have scores."""
    size = spaces[space].size
    if size == count:
        return f"all {size:,}"
    return f"the {count:,} scored architectures" + ("" if size is None else f" of {size:,}")


def _even_seeds(indicator: str, rows: pd.DataFrame) -> tuple[int, ...]:
    """The seeds of an indicator's scores, once it is clear that every architecture has all.

    Raises:
        UserError: some have other seeds than others, so that a mean would compare unlike things.
    """
    counts = rows.groupby("seed")["architecture"].nunique()
    if (counts != rows["architecture"].nunique()).any():
        found = ", ".join(f"seed {seed}: {n} architectures" for seed, n in counts.items())
        raise UserError(
            f"scores of {indicator} are to be averaged over seeds, but architectures have "
            f"different ones ({found}); choose one with --seed, or score what is missing"
        )
    return tuple(int(seed) for seed in counts.index)


def _ambiguous(
    space: str,
    found: Mapping[str, Sequence[str]],
    known: Mapping[str, Protocol],
    seeds: Sequence[int],
) -> str:
    lines = [
        f"{', '.join(found)} of {space} were scored under several protocols and a table takes one "
        "of each; choose with --protocol DIGEST (repeat it where indicators differ)"
        + (f" or one of the seeds {', '.join(map(str, seeds))} with --seed:" if seeds[1:] else ":")
    ]
    for digest in sorted({digest for those in found.values() for digest in those}):
        protocol = known[digest]
        users = ", ".join(name for name, those in found.items() if digest in those)
        lines.append(f"  {digest}  {protocol.describe()}, data seed {protocol.data_seed} ({users})")
    return "\n".join(lines)
