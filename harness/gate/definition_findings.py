"""Whether a baseline and what is installed are about the same thing."""

from __future__ import annotations

from collections.abc import Sequence

from untrained.harness.gate.baseline import Baseline, Definition
from untrained.harness.plan import Plan
from untrained.indicators import Protocol, indicators
from untrained.results import Finding, Outcome

UPDATE = "if that is meant, --update the baseline"


def definition_findings(baseline: Baseline, plans: Sequence[Plan]) -> list[Finding]:
    """What cannot be compared, and what is new; nothing of indicators that are as they were.

    Args:
        baseline: with a study.
        plans: of the study as it is now, of the baseline's networks.
    """
    definitions, protocols = baseline.definitions or {}, dict(plans[0].protocols) if plans else {}
    found = []
    for name, old in definitions.items():
        text = _difference(old, protocols.get(name))
        if text:
            outcome: Outcome = "missing" if name not in protocols else "changed"
            found.append(Finding("definition", name, outcome, text))
    found += [
        Finding("definition", name, "new", "is not in the baseline and not checked; --update")
        for name in protocols
        if name not in definitions
    ]
    planned = {plan.space for plan in plans}
    found += [
        Finding("definition", "space", "missing", f"the study has no {space} any more", space)
        for space in baseline.architectures
        if space not in planned
    ]
    return found


def comparable(definition: Definition, protocol: Protocol | None) -> bool:
    """Whether new scores may be held against the old; a direction alone does not hinder that."""
    return (
        protocol is not None
        and definition.indicator in indicators
        and indicators[definition.indicator].version == definition.version
        and protocol.digest == definition.protocol
    )


def _difference(old: Definition, protocol: Protocol | None) -> str:
    if old.indicator not in indicators:
        return "no indicator of that name is installed"
    if protocol is None:
        return f"the study does not ask for it any more; {UPDATE}"
    now = indicators[old.indicator]
    if now.version != old.version:
        return f"not comparable: version {old.version}, now {now.version}; {UPDATE}"
    if protocol.digest != old.protocol:
        conditions = protocol.describe()
        if conditions == old.conditions:
            conditions = "the same in words, with other inputs (data seed or images)"
        return f"not comparable: measured with {old.conditions}; now {conditions}; {UPDATE}"
    if now.higher_is_better != old.higher_is_better:
        was, is_ = ("higher", "lower") if old.higher_is_better else ("lower", "higher")
        return f"its direction is turned: {was} was better, now {is_}; {UPDATE}"
    return ""
