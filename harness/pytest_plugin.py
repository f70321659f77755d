"""The pytest plug-in: toy and golden networks, and the contract for plug-ins of other packages.

pytest loads this module wherever the package is installed, so it imports nothing that is slow:
torch comes in with the first test that asks for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from torch import Tensor, nn

    from untrained.harness.contract import Promise, Suite
    from untrained.indicators import Measurement
    from untrained.spaces import Network

OPTION = "--untrained-contract"
INI = "untrained_contract"

_WORDS = (
    "a name or pattern (my_indicator, my_*); indicator:NAME, space:NAME, searcher:NAME or "
    "executor:NAME; "
    "package:DISTRIBUTION for everything that an installed distribution registers by entry "
    "points, package:. for this project's own"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the setting that name what is examined."""
    group = parser.getgroup("untrained", "contract of plug-ins for untrained")
    group.addoption(
        OPTION,
        action="append",
        default=[],
        metavar="NAME",
        help="examine a plug-in for untrained: one test for each promise of the contract. NAME is "
        f"{_WORDS}. Several: separated by commas, or the option again. Takes the place of the "
        f"setting {INI}.",
    )
    parser.addini(
        INI,
        type="args",
        default=[],
        help="plug-ins for untrained that every run examines, unless the command line names files "
        f"or tests (folders are no files): {_WORDS}.",
    )


def _words(config: pytest.Config) -> list[str]:
    given: list[str] = config.getoption("untrained_contract")
    if given:
        return [word.strip() for text in given for word in text.split(",") if word.strip()]
    return [] if _names_files(config) else list(config.getini(INI))


def _names_files(config: pytest.Config) -> bool:
    folder = config.invocation_params.dir
    return any("::" in arg or Path(folder, arg).is_file() for arg in config.args)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is examined, and that something is left out."""
    if words := _words(config):
        return f"untrained contract: {', '.join(words)}"
    if config.getini(INI):
        return "untrained contract: left out, because files or tests are named"
    return None


@pytest.hookimpl(tryfirst=True)  # before -k, -m and --lf choose
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add a test for each promise of each plug-in that is to be examined."""
    words = _words(config)
    if not words:
        return
    from untrained.foundation import UserError
    from untrained.harness.contract import find_subjects

    try:
        with warnings.catch_warnings():  # somebody else's broken plug-in is no error here
            warnings.simplefilter("default")
            subjects = find_subjects(words, project=config.rootpath)
    except UserError as error:
        raise pytest.UsageError(f"{OPTION} / {INI}: {error}") from None
    for title, (suite, subject) in subjects.items():
        contract = _Contract.from_parent(
            session, name=title, nodeid=f"untrained/{title}", suite=suite, subject=subject
        )
        promises = contract.collect()
        items += promises
        # so that they are counted like tests of files
        config.hook.pytest_collectreport(
            report=pytest.CollectReport(contract.nodeid, "passed", None, [*promises])
        )


class _Contract(pytest.Collector):
    """The promises of one plug-in."""

    def __init__(self, *, suite: Suite[Any], subject: Any, **node: Any) -> None:
        super().__init__(**node)
        self.suite, self.subject = suite, subject

    def collect(self) -> list[_Promise]:
        return [
            _Promise.from_parent(self, name=promise.name, promise=promise, subject=self.subject)
            for promise in self.suite
        ]


class _Promise(pytest.Item):
    """One promise of one plug-in."""

    def __init__(self, *, promise: Promise[Any], subject: Any, **node: Any) -> None:
        super().__init__(**node)
        self.promise, self.subject = promise, subject

    def runtest(self) -> None:
        from untrained.harness.contract import Inapplicable

        try:
            self.promise(self.subject)
        except Inapplicable as reason:
            pytest.skip(f"does not apply: {reason}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from untrained.foundation import UntrainedError
        from untrained.harness.contract import Broken

        assert self.parent is not None
        promise = f"{self.parent.name} breaks the promise {self.name!r}\n"
        promise += f"  promised: {self.promise.statement}\n"
        if isinstance(excinfo.value, Broken):
            return f"{promise}  found: {excinfo.value}"
        if isinstance(excinfo.value, UntrainedError):  # its text says all
            return f"{promise}  found: {excinfo.typename}: {excinfo.value}"
        return f"{promise}{super().repr_failure(excinfo)}"

    def reportinfo(self) -> tuple[Path, int | None, str]:
        assert self.parent is not None
        return self.config.rootpath, None, f"{self.parent.name}: {self.name}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for a golden measurement once for each golden network."""
    if "untrained_golden_measurement" in metafunc.fixturenames:
        from untrained.harness.gate.golden import GOLDEN_NETWORKS

        metafunc.parametrize(
            "untrained_golden_measurement",
            GOLDEN_NETWORKS,
            ids=[golden.name for golden in GOLDEN_NETWORKS],
            indirect=True,
        )


@pytest.fixture
def untrained_toy_network() -> Network:
    """A small network of NAS-Bench-201 with every operation: 5 classes, float64, fixed weights."""
    from untrained.harness.contract import fixtures

    return fixtures.network()


@pytest.fixture
def untrained_plain_network() -> nn.Module:
    """Convolutions, batch norms and ReLUs in a torch.nn.Sequential: 5 classes, float64."""
    from untrained.harness.contract import fixtures

    return fixtures.plain_network()


@pytest.fixture
def untrained_toy_batch() -> tuple[Tensor, Tensor]:
    """Ten images of noise, (10, 3, 8, 8) in float64, and labels of five classes, (10,)."""
    from untrained.harness.contract import fixtures

    return fixtures.images(), fixtures.labels()


@pytest.fixture
def untrained_golden_networks() -> dict[str, nn.Module]:
    """Three networks whose weights are the same bits on every version of torch, by name."""
    from untrained.harness.gate.golden import GOLDEN_NETWORKS, golden_measurement

    return {golden.name: golden_measurement(golden).network for golden in GOLDEN_NETWORKS}


@pytest.fixture
def untrained_golden_measurement(request: pytest.FixtureRequest) -> Iterator[Measurement]:
    """An open measurement of a golden network with two batches; the test runs once for each."""
    from untrained.harness.gate.golden import golden_measurement

    with golden_measurement(request.param) as measurement:
        yield measurement
