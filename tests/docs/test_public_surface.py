"""Check that every public name of version 0.1.0 still works.

`public_surface.json` lists what existed before the rooms were divided: imports, registered names,
studies, commands with their options, and entry-point groups. Names may be added, not removed.
"""

import importlib
import json
from pathlib import Path

import pytest
from typer.main import get_command

from untrained.harness.cli.main import app
from untrained.harness.execution.engines import executors
from untrained.harness.search import searchers
from untrained.harness.search.experiment.study import builtin_search_studies
from untrained.harness.study.study_file import builtin_studies
from untrained.indicators import indicators
from untrained.reports import formats
from untrained.results.aggregates import aggregates
from untrained.spaces import benchmarks, spaces
from untrained.spaces.converters import converters

SURFACE = json.loads(Path(__file__).with_name("public_surface.json").read_text("utf-8"))
REGISTRIES = (indicators, spaces, benchmarks, aggregates, searchers, executors, formats, converters)


@pytest.mark.parametrize("name", SURFACE["modules"])
def test_every_public_import_works(name):
    module = importlib.import_module(name)
    assert [n for n in SURFACE["modules"][name] if not hasattr(module, n)] == []


def test_every_registry_keeps_its_entry_point_group_and_names():
    now = {registry._group: set(registry) for registry in REGISTRIES}
    lost = {g: set(names) - now.get(g, set()) for g, names in SURFACE["registries"].items()}
    assert not any(lost.values()), lost


def test_every_study_is_still_built_in():
    assert set(SURFACE["studies"]) <= set(builtin_studies())
    assert set(SURFACE["searches"]) <= set(builtin_search_studies())


@pytest.mark.parametrize("path", SURFACE["commands"])
def test_every_command_keeps_its_options(path):
    command = get_command(app)
    for word in path.split():
        command = command.get_command(None, word)
    options = {text for p in command.params for text in (*p.opts, *p.secondary_opts)}
    assert set(SURFACE["commands"][path]) <= options
