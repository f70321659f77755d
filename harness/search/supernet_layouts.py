"""The supernet of a problem, for the searchers that need one."""

from __future__ import annotations

from untrained.foundation import Unsupported, UserError
from untrained.harness.search.problem import Problem
from untrained.spaces.supernet_layout import SupernetLayout


def layout_of(problem: Problem) -> SupernetLayout:
    """The edges and operations that a search chooses among.

    Args:
        problem: of the whole space.

    Raises:
        UserError: the space has no supernet, or only a part of it is open to the search.
    """
    try:
        layout = problem.space.supernet_layout
    except Unsupported as missing:
        raise UserError(str(missing)) from None
    if problem.domain.limits or problem.domain.confined:
        raise UserError(
            "a search of the supernet ends wherever its scores lead, and here only a part of "
            f"{problem.space.name!r} is open to it (limits, or stored networks); search the whole "
            "space, or take a searcher that draws and mutates (evolution)"
        )
    return layout
