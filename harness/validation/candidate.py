"""A candidate indicator: its file, function and version, and the workers that know it."""

from __future__ import annotations

import ast
import hashlib
import inspect
import linecache
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from functools import partial, wraps
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from untrained.foundation import MalformedInput, MissingData, UserError
from untrained.harness.execution.executors import Executor, WorkerDied
from untrained.harness.execution.watchdog import TimeLimitReached, time_limit
from untrained.harness.validation.access_audit import (
    ACCURACY_PACKAGES,
    AccessEvent,
    audit_access,
    take_access_events,
)
from untrained.harness.validation.plain_function import Traits, as_indicator
from untrained.indicators import Indicator, Measurement, indicators

T = TypeVar("T")
R = TypeVar("R")

MANY_NUMBERS = 300
LONG_TEXT = 2000
"""Characters; a table packed into a text is longer, a docstring hardly ever is."""

_OWN_ACCURACIES = ("untrained.spaces", "untrained.results", "untrained.harness")


@dataclass(frozen=True, slots=True)
class SourceNote:
    """An observation about the text of the file."""

    text: str
    suspicious: bool
    """Whether scores may come from it."""


def source_notes(text: str) -> list[SourceNote]:
    """List imports by which accuracies can be reached, and numbers and tables in the file."""
    tree = ast.parse(text)
    imported: dict[str, None] = {}
    numbers = longest = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update(dict.fromkeys(alias.name for alias in node.names))
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported[node.module] = None
        elif isinstance(node, ast.Constant):
            numbers += isinstance(node.value, int | float) and not isinstance(node.value, bool)
            if isinstance(node.value, str | bytes):
                longest = max(longest, len(node.value))
    leading = [
        name
        for name in sorted(imported)
        if name.partition(".")[0] in ACCURACY_PACKAGES or name.startswith(_OWN_ACCURACIES)
    ]
    said = [
        SourceNote(f"the file imports {name}, by which accuracies can be reached", True)
        for name in leading
    ]
    many = numbers > MANY_NUMBERS
    hint = "; look whether they are accuracies" if many else ""
    said.append(SourceNote(f"numbers written into the file: {numbers:,}{hint}", many))
    if longest > LONG_TEXT:
        table = (
            f"longest text written into the file: {longest:,} characters; look whether it holds "
            "a table"
        )
        said.append(SourceNote(table, True))
    return said


_PLAIN = "(network, inputs, labels) -> float"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a process needs to register the indicator; plain values only."""

    path: str
    text: str
    """Of the file, so that all processes run the same code whatever becomes of the file."""
    function: str
    """Name of the function, which is the indicator's id."""
    plain: bool
    """Whether it is a plain function, without the decorator."""
    higher_is_better: bool = True
    """Direction of a plain function."""
    traits: Traits | None = None
    """Of a plain function, found by trying; None: not tried yet."""

    @property
    def sha256(self) -> str:
        """Digest of the file."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def version(self) -> int:
        """Version of the indicator: another one for every other text, which is then scored anew."""
        key = f"{self.function}\0{self.text}"
        return int(hashlib.sha256(key.encode()).hexdigest()[:12], 16)

    @property
    def module_name(self) -> str:
        """Name under which the file is imported."""
        return f"untrained_candidate_{self.sha256[:12]}"

    @contextmanager
    def registered(self) -> Iterator[Indicator]:
        """Run the file and keep its indicator in the registry until the block ends.

        Raises:
            UserError: the file cannot be run, or does not hold the indicator.
        """
        with _imported(self.path, self.text, self.module_name) as (module, declared):
            yield self._register(module, declared())

    def _register(self, module: ModuleType, declared: list[str]) -> Indicator:
        if self.plain:
            function = vars(module)[self.function]
            made = as_indicator(
                function, higher_is_better=self.higher_is_better, traits=self.traits or Traits()
            )
        else:
            made = indicators[self.function]
        # none of the others of the file must be met by what runs over the registry
        for name in declared:
            indicators.forget(name)
        watched = replace(made, version=self.version, function=_watched(made.function))
        return indicators.register(self.function, watched, origin=module.__name__)


_FOR_LIFE = ExitStack()
"""Of a worker process, which never forgets an indicator; what is entered here is not left."""


def _watched(function: Callable[[Measurement], float]) -> Callable[[Measurement], float]:
    @wraps(function)
    def call(measurement: Measurement) -> float:
        # what it prints is none of the results
        with audit_access("scoring"), redirect_stdout(sys.stderr):
            try:
                return function(measurement)
            except SystemExit as leave:  # it would end the worker, or the run
                raise RuntimeError(f"it leaves the program (exit {leave.code})") from leave

    return call


def find_candidate(
    path: Path, *, function: str | None = None, higher_is_better: bool | None = None
) -> Candidate:
    """Find the one indicator of a file, which is not registered yet.

    Args:
        path: a Python file with a function decorated by `@indicator`, or a plain function.
        higher_is_better: direction of a plain function, True by default.

    Raises:
        MissingData: there is no such file.
        MalformedInput: it is not Python, or running it fails.
        UserError: it has no indicator, several, or one whose name is taken.
    """
    text = _read(path)
    take_access_events()  # those of another file
    draft = Candidate(str(path), text, "", plain=False)
    with _imported(draft.path, text, draft.module_name) as (module, declared):
        names = declared()
        if function is None and len(names) > 1:
            raise UserError(
                f"{path} decorates {len(names)} functions with @indicator ({', '.join(names)}) and "
                f"one is validated at a time; say which with --function {names[0]}"
            )
        chosen = function or (names[0] if names else None)
        if chosen in names:
            assert chosen is not None
            if higher_is_better is not None:
                raise UserError(
                    f"--{'higher' if higher_is_better else 'lower'}-is-better was given, but "
                    f"{chosen} declares its direction itself; leave the option out, or change "
                    "higher_is_better in the decorator"
                )
            return replace(draft, function=chosen)
        chosen = _plain_function(path, module, chosen, names)
    if chosen in indicators:
        raise UserError(
            f"{path}: an indicator named {chosen!r} exists already (untrained list indicators); "
            "every indicator has a name of its own: rename the function"
        )
    return replace(
        draft,
        function=chosen,
        plain=True,
        higher_is_better=True if higher_is_better is None else higher_is_better,
    )


def _read(path: Path) -> str:
    if path.is_dir():
        raise MalformedInput(
            f"{path} is a folder; one file is validated: name the Python file with the indicator"
        )
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors begin with a mark
    except FileNotFoundError:
        near = sorted(file.name for file in path.parent.glob("*.py"))
        there = f"in that folder there are {', '.join(near)}" if near else "there is no Python file"
        raise MissingData(
            f"no file at {str(path)!r}; {there} (untrained new indicator NAME writes one to start "
            "from)"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedInput(f"{path} cannot be read as text: {error}") from error


@contextmanager
def _imported(
    path: str, text: str, name: str
) -> Iterator[tuple[ModuleType, Callable[[], list[str]]]]:
    """Run a file as a module; what it registers is forgotten when the block ends.

    Raises:
        MalformedInput: it is not Python, or running it fails.
        UserError: it registers a name that is taken.
    """
    try:
        code = compile(text, path, "exec")
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f"{path}:{line}" if line else path
        message = getattr(error, "msg", None) or str(error)
        raise MalformedInput(
            f"{where}: not Python: {message}; correct that line and run again"
        ) from error
    module = ModuleType(name)
    module.__file__ = path
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    # an indicator of the project's own folder is registered already; it is examined all the same
    with indicators.borrowed(without=_defined_in(path)) as declared:
        before = sys.modules.get(name)
        sys.modules[name] = module
        try:
            _run(code, module, path)
            yield module, declared
        finally:
            if before is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = before


LOAD_LIMIT_S = 60.0
"""For running the file once, without calling the indicator."""


def _run(code: Any, module: ModuleType, path: str) -> None:
    try:
        with (
            # outside the audit: the limit of a process starts a program
            time_limit(LOAD_LIMIT_S, f"running {path}", whole=True),
            audit_access("loading"),
            redirect_stdout(sys.stderr),
        ):
            exec(code, vars(module))  # noqa: S102 running the user's own file is what was asked for
    except TimeLimitReached as error:
        raise MalformedInput(
            f"cannot use {path}: running the file was not done after {LOAD_LIMIT_S:g} s. Move what "
            "takes long into the function"
        ) from error
    except ValueError as error:
        if "two indicators are named" not in str(error):
            raise MalformedInput(_failed(path, error)) from error
        raise UserError(
            f"{path}: {error}; every indicator has a name of its own: rename the function"
        ) from error
    except (Exception, SystemExit) as error:
        raise MalformedInput(_failed(path, error)) from error


def _failed(path: str, error: BaseException) -> str:
    """What went wrong, at the last line of the user's file that was being run."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    where = f"{path}:{line}" if line else path
    hint = "correct that and run again"
    if isinstance(error, ModuleNotFoundError):
        hint = "install it, or leave it out: the file is run by itself, not as part of a package"
    return f"{where}: running the file fails: {type(error).__name__}: {error}; {hint}"


def _defined_in(path: str) -> list[str]:
    found = []
    for name, item in indicators.items():
        module = sys.modules.get(item.function.__module__)
        file = getattr(module, "__file__", None)
        if file and Path(file).exists() and Path(path).exists() and Path(file).samefile(path):
            found.append(name)
    return found


def _plain_function(path: Path, module: ModuleType, wanted: str | None, declared: list[str]) -> str:
    own = {
        name: value
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__
    }
    if wanted is not None:
        if wanted in own and _takes_three(own[wanted]):
            return wanted
        there = ", ".join([*declared, *(n for n in own if _takes_three(own[n]))]) or "none"
        raise UserError(
            f"the function {wanted!r} of {path} was asked for, but it is neither decorated with "
            f"@indicator nor a plain {_PLAIN}; there is: {there}"
        )
    fitting = [n for n in own if not n.startswith("_") and _takes_three(own[n])]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UserError(
            f"{path} has {len(fitting)} plain functions {_PLAIN} ({', '.join(fitting)}) and one is "
            f"validated at a time; say which with --function {fitting[0]}, or begin the names of "
            "the others with an underscore"
        )
    others = ", ".join(own) or "none"
    raise UserError(
        f"{path} has no indicator: neither a function decorated with @indicator nor a plain "
        f"{_PLAIN} (its functions: {others}); see docs/new-indicator.md, or start from what "
        "untrained new indicator NAME writes"
    )


def _takes_three(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(None, None, None)
    except TypeError:
        return False
    return True


class CandidateExecutor:
    """Runs tasks in workers that know the candidate, and collects what it accessed."""

    def __init__(self, inner: Executor, candidate: Candidate) -> None:
        """Wrap an executor."""
        self._inner = inner
        self._candidate = candidate
        self._sightings: dict[AccessEvent, None] = {}

    @property
    def workers(self) -> int:
        """Number of items in progress at once."""
        return self._inner.workers

    @property
    def access_events(self) -> tuple[AccessEvent, ...]:
        """Accesses recorded so far in all processes."""
        return tuple(sorted(self._sightings))

    def run(
        self, function: Callable[[T], R], items: Iterable[T]
    ) -> Generator[tuple[T, R | WorkerDied]]:
        """See `Executor`."""
        with closing(
            self._inner.run(partial(_run_registered, self._candidate, function), items)
        ) as results:
            for item, result in results:
                if isinstance(result, WorkerDied):
                    yield item, result
                else:
                    value, access_events = result
                    self._sightings.update(dict.fromkeys(access_events))
                    yield item, value


def _run_registered(
    candidate: Candidate, function: Callable[[T], R], item: T
) -> tuple[R, tuple[AccessEvent, ...]]:
    if candidate.function not in indicators:
        _FOR_LIFE.enter_context(candidate.registered())
    return function(item), take_access_events()
