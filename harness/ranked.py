"""Which stored scores go into a table: one protocol and version an indicator, some seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from untrained.foundation import MissingData, UserError
from untrained.harness.plan import Plan
from untrained.indicators import Protocol, indicators
from untrained.results import ScoreStore
from untrained.spaces import spaces

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Scores of one search space, and the population they belong to."""

    space: str
    frame: pd.DataFrame
    """Rows of `ScoreStore.frame`; one version and protocol an indicator."""
    architectures: tuple[str, ...]
    """The population."""
    population: str
    """The population in words."""
    protocols: Mapping[str, Protocol]
    """By indicator id."""
    seeds: tuple[int, ...]
    notes: tuple[str, ...] = field(default=())


def ranked_of_plan(plan: Plan, store: ScoreStore) -> Ranked:
    """The stored scores that a plan wanted, and no others."""
    frame = store.frame(space=plan.space, indicators=list(plan.protocols))
    digests = {name: protocol.digest for name, protocol in plan.protocols.items()}
    frame = frame[
        (frame["protocol"] == frame["indicator"].map(digests))
        & (frame["version"] == frame["indicator"].map(plan.versions))
        & frame["seed"].isin(plan.seeds)
        & frame["architecture"].isin(plan.selection.architectures)
    ]
    return Ranked(
        plan.space,
        frame,
        plan.selection.architectures,
        plan.selection.text,
        plan.protocols,
        plan.seeds,
    )


def ranked_of_store(
    store: ScoreStore,
    *,
    space: str | None = None,
    protocols: Sequence[str] = (),
    seed: int | None = None,
) -> list[Ranked]:
    """What a store holds, for one table a search space.

    Of each indicator the newest version counts. Scores of several seeds are all kept; a table
    averages them.

    Args:
        store: the scores.
        space: only this search space.
        protocols: digests, or beginnings of them, to choose among several of one indicator.
        seed: only this seed.

    Raises:
        MissingData: nothing in the store fits.
        UserError: an indicator was scored under several protocols and none is chosen.
    """
    if space is not None:
        spaces[space]
    frame = store.frame(space=space, seed=seed)
    if frame.empty:
        raise MissingData(_nothing_fits(store, space, seed))
    known = {digest: text for digest, text in store.protocols().items() if text}
    _check_chosen(protocols, set(frame["protocol"]))
    return [_ranked(str(name), part, known, protocols) for name, part in frame.groupby("space")]


def _nothing_fits(store: ScoreStore, space: str | None, seed: int | None) -> str:
    frame = store.frame()
    if frame.empty:
        return f"the store {store.path} holds no scores yet; fill it with untrained score"
    asked = [f"space {space}"] * (space is not None) + [f"seed {seed}"] * (seed is not None)
    found = ", ".join(sorted(set(frame["space"])))
    seeds = ", ".join(map(str, sorted(set(frame["seed"]))))
    return f"the store {store.path} has no scores of {', '.join(asked)}; spaces: {found}; " + (
        f"seeds: {seeds}"
    )


def _check_chosen(chosen: Iterable[str], stored: set[str]) -> None:
    for prefix in chosen:
        if not any(digest.startswith(prefix) for digest in stored):
            raise UserError(
                f"no score has the protocol {prefix!r}; there are: {', '.join(sorted(stored))}"
            )


def _ranked(
    space: str, frame: pd.DataFrame, known: Mapping[str, str], chosen: Sequence[str]
) -> Ranked:
    notes: list[str] = []
    parts: list[pd.DataFrame] = []
    protocols: dict[str, Protocol] = {}
    ambiguous: dict[str, list[str]] = {}
    for name, rows in frame.groupby("indicator"):
        indicator, part = str(name), rows
        if indicator not in indicators:
            notes.append(
                f"{indicator} is left out: its {len(part)} scores are there, but no indicator of "
                "that name is installed"
            )
            continue
        version = int(part["version"].max())
        if (part["version"] != version).any():
            notes.append(f"{indicator}: only scores of version {version} are used")
            part = part[part["version"] == version]
        digests = sorted(set(part["protocol"]))
        if len(digests) > 1:
            digests = [d for d in digests if any(d.startswith(prefix) for prefix in chosen)]
        if len(digests) != 1:
            ambiguous[indicator] = digests or sorted(set(part["protocol"]))
            continue
        protocols[indicator] = Protocol.from_json(known[digests[0]])
        parts.append(part[part["protocol"] == digests[0]])
    if ambiguous:
        raise UserError(_ambiguous(space, ambiguous, known))
    if not parts:
        raise MissingData(f"no scores of {space} can be ranked; {'; '.join(notes)}")
    import pandas as pd

    used = pd.concat(parts)
    architectures = tuple(sorted(set(used["architecture"])))
    size = spaces[space].size
    whole = f" of {size:,}" if size is not None and size != len(architectures) else ""
    population = (
        f"all {size:,}"
        if size == len(architectures)
        else (f"the {len(architectures):,} scored architectures{whole}")
    )
    seeds = tuple(sorted({int(seed) for seed in used["seed"]}))
    return Ranked(space, used, architectures, population, protocols, seeds, tuple(notes))


def _ambiguous(space: str, found: Mapping[str, Sequence[str]], known: Mapping[str, str]) -> str:
    digests = sorted({digest for those in found.values() for digest in those})
    lines = [
        f"{', '.join(found)} of {space} were scored under several protocols and a table takes one "
        "of each; choose with --protocol DIGEST (repeat it where indicators differ):"
    ]
    for digest in digests:
        protocol = Protocol.from_json(known[digest])
        users = ", ".join(name for name, those in found.items() if digest in those)
        lines.append(f"  {digest}  {protocol.describe()}, data seed {protocol.data_seed} ({users})")
    return "\n".join(lines)
