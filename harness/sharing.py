"""Scores shared within functional classes and scores of one's own do not mix in one store."""

from __future__ import annotations

from untrained.foundation import StorageError
from untrained.harness.plan import Plan
from untrained.indicators import indicators
from untrained.results import ScoreStore


def check_sharing(plan: Plan, store: ScoreStore) -> None:
    """Refuse to complete a store that was filled with the other choice of class sharing.

    A shared score is that of the representative's own random weights, so it differs from the one
    the member would have got; whether a score is shared is not part of its key.

    Args:
        plan: what is to be scored.
        store: what is there.

    Raises:
        StorageError: the store holds wanted scores that were obtained the other way.
    """
    invariant = [name for name in plan.protocols if indicators[name].class_invariant]
    if not invariant:
        return
    frame = store.frame(space=plan.space, indicators=invariant)
    digests = {name: plan.protocols[name].digest for name in invariant}
    frame = frame[
        (frame["protocol"] == frame["indicator"].map(digests))
        & frame["seed"].isin(plan.seeds)
        & frame["architecture"].isin(plan.selection.architectures)
    ]
    if frame.empty:
        return
    shared = frame["representative"].notna()
    if not plan.share_classes:
        conflicts = int(shared.sum())
        stored, wanted = "shared within functional classes", "of each architecture's own weights"
    else:
        elsewhere = frame["architecture"].map(plan.representatives) != frame["architecture"]
        conflicts = int((elsewhere & ~shared).sum())
        stored, wanted = "of each architecture's own weights", "shared within functional classes"
    if conflicts:
        raise StorageError(
            f"{conflicts} scores wanted here are in {store.path} already, but {stored}, while "
            f"scores {wanted} are asked for; the two differ: choose as before, or another store"
        )
