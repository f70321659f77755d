"""How a search measures scores: the plan that its live world follows."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from untrained.harness.devices import find_device, make_executor
from untrained.harness.plan import plan_study
from untrained.harness.search.estimator import Estimator
from untrained.harness.search.live_world import LiveWorld
from untrained.harness.search.opening import MakeLive
from untrained.harness.search.problem import Problem
from untrained.harness.search.search_study import NamedSearchStudy
from untrained.harness.search.training_cost import TrainingCost
from untrained.harness.search.validation import Validation
from untrained.harness.search.world import World
from untrained.harness.study import Study
from untrained.harness.study_file import NamedStudy, checked
from untrained.results import ScoreStore


def live_maker(
    named: NamedSearchStudy,
    *,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    workers: int | None = None,
) -> MakeLive:
    """What makes the worlds of a study that measures.

    Args:
        named: with a store.
        device: what networks are computed on.
        workers: processes; by default one a CPU core, or one a GPU.

    Raises:
        UserError: the device, the inputs or the store are not there.
    """
    study = named.study
    assert study.store is not None, "a study that measures keeps its scores"
    chosen = find_device(device)
    executor = make_executor(chosen, workers)
    store = ScoreStore(Path(study.store))
    how = study.measuring

    def make(
        problem: Problem,
        estimator: Estimator,
        validation: Validation | None,
        cost: TrainingCost | None,
    ) -> World:
        values = {
            "spaces": [study.space],
            "indicators": list(estimator.indicators),
            "inputs": how.inputs,
            "seed": how.seed,
            "batch_size": how.batch_size,
            "channels": how.channels,
            "cells": how.cells,
            "initialisation": how.initialisation,
            "timeout_s": how.timeout_s,
            # what is scored is up to the search: this one network never is unless it is asked for
            "population": {"kind": "sample", "n": 1},
        }
        if how.inputs in ("gaussian", "ones"):
            values["dataset"] = study.dataset
        [plan] = plan_study(NamedStudy(named.name, checked(Study, values), named.command))
        return LiveWorld(
            problem,
            plan,
            store,
            executor=executor,
            device=chosen,
            validation=validation,
            cost=cost,
        )

    return make
