"""The catalogue of the project's own indicators, as Markdown: docs/indicators.md."""

from __future__ import annotations

from collections.abc import Iterator

from untrained.indicators import Family, Indicator, Protocol, indicators

_HEAD = """\
# Indicators

Written by `untrained list indicators --markdown`; what it says is declared beside the code.

**Needs** is what a network or batch must have for the score to exist. **Passes** is what an \
indicator costs by itself; read together, indicators share their passes. A *forward* pass goes \
once through the network's layers, whatever it carries along: no graph, a graph, derivatives \
(forward mode), a vectorised axis; also that of a copy of the network, or of one with other \
tensors in place of its own. A *backward* pass is one traversal of the graph by autograd. A pass \
that stops early counts as a whole, and so does one of fewer samples. **B** is the number of \
samples in a batch, **K** of classes, **M** of batches. Tests count the passes that are made.

**Reference protocol** is that of the paper or the authors' code: batch, then what differs from a \
NAS-Bench-201 network of 16 channels and 5 cells a stage, batch statistics and the layers' own \
initialisation. "No batch": the score looks at no data.

† Something in the definition was set with the accuracies of trained networks, so that its \
correlation with accuracy is not that of a training-free score.
"""


def catalogue() -> str:
    """A summary table and a section an indicator, by family; what plug-ins add is left out."""
    shown = {family: _of(family) for family in Family}
    lines = [
        _HEAD,
        "| Indicator | Better | Needs | Passes | Reference protocol |",
        "| :-- | :-- | :-- | :-- | :-- |",
    ]
    for family, items in shown.items():
        lines.append(f"| **{family.value}** | | | | |")
        lines.extend(_row(item) for item in items)
    told: dict[str, str] = {}
    for family, items in shown.items():
        lines += ["", f"## {family.value}"]
        for item in items:
            lines += ["", *_section(item, told)]
    return "\n".join(lines) + "\n"


def brief(protocol: Protocol) -> str:
    """What a protocol asks for in a few words: the batch, then what differs from the usual."""
    usual = Protocol()
    parts = []
    if protocol.inputs == "none":
        parts.append("no batch")
    else:
        batches = f"{protocol.num_batches} x " if protocol.num_batches > 1 else ""
        parts.append(f"{batches}{protocol.batch_size:,} {protocol.inputs}")
        if protocol.resolution != usual.resolution:
            parts.append(f"{protocol.resolution} px")
    if (protocol.channels, protocol.cells) != (usual.channels, usual.cells):
        parts.append(f"{protocol.channels} ch x {protocol.cells}")
    if protocol.skeleton != usual.skeleton:
        parts.append(protocol.skeleton)
    if protocol.batch_norm != usual.batch_norm:
        parts.append("running statistics")
    if protocol.initialisation != usual.initialisation:
        parts.append(protocol.initialisation.replace("_", " "))
    return ", ".join(parts)


def _needs(item: Indicator) -> list[str]:
    """What it needs, as words in alphabetical order."""
    return sorted(need.value.replace("_", " ") for need in item.needs)


def _of(family: Family) -> list[Indicator]:
    own = "untrained.indicators."
    return [
        item
        for item in indicators.values()
        if item.family is family and item.function.__module__.startswith(own)
    ]


def _row(item: Indicator) -> str:
    texts = [
        f"[{item.id}](#{item.id}){' †' * item.uses_accuracy}",
        "higher" if item.higher_is_better else "lower",
        ", ".join(_needs(item)),
        str(item.cost),
        brief(item.protocol),
    ]
    return f"| {' | '.join(texts)} |"


def _section(item: Indicator, told: dict[str, str]) -> Iterator[str]:
    """A heading and a list; what an earlier indicator said in the same words is referred to."""
    yield f"### {item.id}"
    yield ""
    yield f"{_plain(item.title)}: `{item.formula}`"
    yield ""
    yield f"- Source: {_plain(item.reference)}"
    yield f"- {'Higher' if item.higher_is_better else 'Lower'} is better"
    yield f"- Needs: {', '.join(_needs(item)) or 'nothing but the network'}"
    yield f"- Passes: {item.cost}"
    yield f"- Reference protocol: {item.protocol.describe()}"
    yield (
        "- Architectures of one function "
        + ("score alike" if item.class_invariant else "may differ")
    )
    if not item.follows_initialisation:
        yield "- Does not depend on how the weights were drawn"
    if item.uses_accuracy:
        yield "- † Uses accuracies"
    if item.deviations:
        first = told.setdefault(item.deviations, item.id)
        text = _plain(item.deviations) if first == item.id else f"as [{first}](#{first})"
        yield f"- Deviations: {text}"


def _plain(text: str) -> str:
    """Text in which Markdown must find no more mark-up than its code spans."""
    return text.replace("<", "\\<").replace("*", "\\*")
