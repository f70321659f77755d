"""Supernets of the spaces that have one."""

from __future__ import annotations

import torch

from untrained.foundation import Unsupported, UserError
from untrained.harness.execution.executors import Device, device_name
from untrained.harness.search.domain import Domain
from untrained.harness.search.experiment.study import OneSearch, SearchStudy
from untrained.harness.search.problem import Problem
from untrained.harness.search.supernet.estimator import Estimator
from untrained.harness.search.supernet.evaluator import SupernetWorld
from untrained.harness.search.supernet.meter import SupernetMeter
from untrained.spaces import spaces
from untrained.spaces.framework.supernet_layout import SupernetLayout


def layout_of(problem: Problem) -> SupernetLayout:
    """The edges and operations that a search chooses among.

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


def supernet_world(
    one: OneSearch,
    study: SearchStudy,
    dataset: str,
    estimator: Estimator | None,
    *,
    device: Device = "cpu",
) -> tuple[SupernetWorld, str]:
    """The world, and what a report has to say of it.

    Args:
        estimator: what scores the supernet; None where the search takes gradients.

    Raises:
        UserError: the space has no supernet, stored scores are given, or limits.
        UnknownName: inputs or an initialisation that do not exist.
    """
    if study.scores is not None or study.store is not None:
        raise UserError(
            f"{one.searcher} measures a supernet as it goes, and scores of single networks were "
            "given to look up or to keep; leave out --scores and --store"
        )
    if one.limits:
        raise UserError(
            f"{one.searcher} goes over a supernet and cannot keep a network below "
            f"{', '.join(one.limits)}; leave out --limit, or take the searcher evolution"
        )
    how = study.measuring
    inputs = one.inputs or how.inputs
    conditions = how.about(dataset, inputs=inputs)
    space = spaces[study.space]
    problem = Problem(Domain(space), dataset, estimator)
    changed = how.changes()
    fact = f"a supernet of {space.title} is measured on {inputs} inputs" + (
        f", {changed}" if changed else ", under the protocols of what it is scored by"
    )
    threads = torch.get_num_threads()
    measured_on = f"{device_name(device)}, {threads} thread{'' if threads == 1 else 's'}"
    meter = SupernetMeter(space, conditions, seed=how.seed, device=device)
    return SupernetWorld(problem, meter, measured_on=measured_on), fact
