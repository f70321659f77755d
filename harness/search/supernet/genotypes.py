"""Found cells as the Python file of genotypes that the field's training code reads."""

from __future__ import annotations

import re
from collections.abc import Sequence

from untrained.harness.search.experiment.runs import Finished
from untrained.spaces import spaces

_HEAD = '''"""Found by searches, one genotype a run; the names are search and run."""

from collections import namedtuple

Genotype = namedtuple("Genotype", "normal normal_concat reduce reduce_concat")

'''


def genotypes_text(finished: Sequence[Finished]) -> str | None:
    """A module in which every run's answer is `SEARCH_RUN = Genotype(...)`.

    Such files are what DARTS's training code and its descendants take architectures from.

    Returns:
        The text, or None where no search was for cells that have such a text.
    """
    lines: list[str] = []
    taken: set[str] = set()
    for one in finished:
        space = spaces[one.opened.world.problem.space.name]
        for run, found in enumerate(one.trajectories):
            genotype = space.genotype_text(found.final)
            if not genotype:
                continue
            name = f"{_identifier(one.label)}_{run}"
            while name in taken:
                name += "_"
            taken.add(name)
            lines.append(f"{name} = {genotype}")
    return _HEAD + "\n".join(lines) + "\n" if lines else None


def _identifier(label: str) -> str:
    word = re.sub(r"\W+", "_", label, flags=re.ASCII).strip("_")
    return f"search_{word}" if not word or word[0].isdigit() else word
