"""Find the registered plug-ins that some words name, and the promises of each."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from untrained.foundation import MalformedInput, Registry, UnknownName
from untrained.harness.contract.executors import executor_promises
from untrained.harness.contract.indicator_case import IndicatorCase
from untrained.harness.contract.indicators import indicator_promises
from untrained.harness.contract.promise import Broken, Inapplicable, Suite, require
from untrained.harness.contract.searchers import searcher_promises
from untrained.harness.contract.spaces import space_promises
from untrained.harness.execution.engines import executors
from untrained.harness.search import searchers
from untrained.indicators import indicators
from untrained.spaces import spaces

KINDS: dict[str, Registry[Any]] = {
    "indicator": indicators,
    "space": spaces,
    "searcher": searchers,
    "executor": executors,
}
_PROMISES: dict[str, Callable[[Any], Suite[Any]]] = {
    "indicator": indicator_promises,
    "space": space_promises,
    "searcher": searcher_promises,
    "executor": executor_promises,
}
GROUPS = {f"untrained.{kind}s": kind for kind in KINDS}
PACKAGE = "package"
THIS = "."

Plugin = tuple[str, Suite[Any], Any]
"""Kind and name, the promises, and the subject that they are checked with."""

entry_points: Suite[EntryPoint] = Suite()


def find_subjects(words: Sequence[str], *, project: Path) -> dict[str, tuple[Suite[Any], Any]]:
    """Find the plug-ins that some words name.

    Args:
        words: `NAME` or a pattern as `my_*`, of whatever kind; `indicator:NAME`, `space:NAME`,
            `searcher:NAME`, `executor:NAME`; `package:DISTRIBUTION` for everything that an
            installed distribution registers by entry points, `package:.` for the project's own.
        project: folder of the `pyproject.toml` that names the project's distribution.

    Returns:
        Promises and the subject that they are checked with, by kind and name ("space darts";
        kinds are indicator, space, searcher, executor and entry point), in the order named.

    Raises:
        UnknownName: nothing has such a name.
        MalformedInput: a distribution is not installed or registers nothing.
    """
    found: dict[str, tuple[Suite[Any], Any]] = {}
    for word in words:
        for title, suite, subject in _plugins(word, project):
            found.setdefault(title, (suite, subject))
    return found


def _plugins(word: str, project: Path) -> Iterator[Plugin]:
    kind, colon, name = word.partition(":")
    if not colon:
        yield from _of_any_kind(word)
    elif kind == PACKAGE:
        yield from _of_distribution(_project_name(project) if name == THIS else name)
    elif kind in KINDS:
        yield from (_plugin(kind, match) for match in KINDS[kind].matching(name))
    else:
        raise MalformedInput(
            f"cannot read {word!r}: there are no plug-ins of kind {kind!r}; write a name, or one "
            f"of {', '.join(f'{k}:NAME' for k in KINDS)}, {PACKAGE}:DISTRIBUTION, {PACKAGE}:."
        )


def _of_any_kind(name: str) -> Iterator[Plugin]:
    fitting = []
    for kind, registry in KINDS.items():
        try:
            fitting += [_plugin(kind, match) for match in registry.matching(name)]
        except UnknownName:
            continue
    if not fitting:
        known = [name for registry in KINDS.values() for name in registry]
        raise UnknownName("indicator, space or searcher", name, known, "untrained list")
    yield from fitting


def _plugin(kind: str, name: str) -> Plugin:
    item = KINDS[kind][name]
    suite, subject = _PROMISES[kind](item), IndicatorCase(item) if kind == "indicator" else item
    return f"{kind} {name}", Suite(suite, _something_was_checked(suite)), subject


def _something_was_checked(suite: Suite[Any]) -> Suite[Any]:
    extended: Suite[Any] = Suite()

    @extended.promise
    def something_was_checked(subject: Any) -> None:
        """At least one promise about what it does applies; silence is no pass."""
        reasons = set()
        for promise in suite:
            if promise.declarative:
                continue
            try:
                promise(subject)
            except Inapplicable as reason:
                reasons.add(str(reason))
            except Exception:
                return  # it was checked, and found broken
            else:
                return
        raise Broken(
            "no promise about what it does applies, so nothing is known of it: "
            f"{'; '.join(sorted(reasons))}"
        )

    return extended


def _project_name(folder: Path) -> str:
    file = folder / "pyproject.toml"
    try:
        name = tomllib.loads(file.read_text("utf-8"))["project"]["name"]
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise MalformedInput(
            f"{PACKAGE}:{THIS} means the project of this folder, but {file} names none "
            f"({type(error).__name__}: {error}); write {PACKAGE}:DISTRIBUTION"
        ) from None
    return str(name)


def _of_distribution(name: str) -> Iterator[Plugin]:
    """Find the entry points themselves, then everything that their modules registered."""
    try:
        installed: Distribution = distribution(name)
    except (PackageNotFoundError, ValueError):
        raise MalformedInput(
            f"the distribution {name!r} is not installed here; install it (pip install --editable "
            ".), so that its entry points are found, or name the plug-ins one by one"
        ) from None
    entries = [entry for entry in installed.entry_points if entry.group in GROUPS]
    if not entries:
        raise MalformedInput(
            f"the distribution {name!r} has no entry point in {', '.join(GROUPS)}; add one, as in "
            '[project.entry-points."untrained.indicators"] my_indicator = "my_package.indicator"'
        )
    for entry in sorted(entries, key=lambda entry: (entry.group, entry.name)):
        yield f"entry point {entry.name}", entry_points, entry
    for kind, registry in KINDS.items():
        modules = {entry.module for entry in entries if GROUPS[entry.group] == kind}
        yield from (_plugin(kind, n) for n in registry if _is_of(registry.origin(n), modules))


def _is_of(origin: str, modules: set[str]) -> bool:
    """Return whether a module is one of these, lies beside one in its package, or below one."""
    packages = {module.rpartition(".")[0] or module for module in modules}
    return any(origin in (m, *modules) or origin.startswith(f"{m}.") for m in packages)


@entry_points.promise
def it_can_be_loaded(entry: EntryPoint) -> None:
    """The entry point can be loaded, and its module registers something."""
    registry = KINDS[GROUPS[entry.group]]
    try:
        entry.load()
    except Exception as error:
        raise Broken(
            f"the entry point {entry.name} = {entry.value!r} cannot be loaded: "
            f"{type(error).__name__}: {error}"
        ) from error
    require(
        any(_is_of(registry.origin(name), {entry.module}) for name in registry),
        f"the module {entry.module!r} loads, but registers no {registry.kind}; decorate or "
        "register it in that module, or import there the one that does",
    )
