"""Which registered plug-ins are meant, and what each of them promises."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from untrained.foundation import MalformedInput, Registry, UnknownName
from untrained.harness.contract.indicators import indicator_promises
from untrained.harness.contract.laboratory import IndicatorCase, one_thread
from untrained.harness.contract.promise import Broken, Inapplicable, Suite, require
from untrained.harness.contract.searchers import searcher_promises
from untrained.harness.contract.spaces import space_promises
from untrained.harness.search import searchers
from untrained.indicators import indicators
from untrained.spaces import spaces

KINDS: dict[str, Registry[Any]] = {
    "indicator": indicators,
    "space": spaces,
    "searcher": searchers,
}
PACKAGE = "package"
THIS = "."


@dataclass(frozen=True, slots=True)
class Obligation:
    """One promise of one plug-in."""

    name: str
    statement: str
    check: Callable[[], None]
    """Raises `Broken` or `Inapplicable`."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A plug-in to be examined."""

    kind: str
    """`indicator`, `space`, `searcher` or `entry point`."""
    name: str
    obligations: tuple[Obligation, ...]

    @property
    def title(self) -> str:
        """Kind and name."""
        return f"{self.kind} {self.name}"


def find_subjects(words: Sequence[str], *, project: Path) -> list[Subject]:
    """The plug-ins that some words mean.

    Args:
        words: `NAME` or a pattern as `my_*`, of whatever kind; `indicator:NAME`, `space:NAME`,
            `searcher:NAME`; `package:DISTRIBUTION` for everything that an installed distribution
            registers by entry points, `package:.` for the project's own.
        project: folder of the `pyproject.toml` that names the project's distribution.

    Returns:
        Each once, in the order named.

    Raises:
        UnknownName: nothing has such a name.
        MalformedInput: a distribution is not installed or registers nothing.
    """
    found: dict[tuple[str, str], Subject] = {}
    for word in words:
        for subject in _meant(word, project):
            found.setdefault((subject.kind, subject.name), subject)
    return list(found.values())


def _meant(word: str, project: Path) -> Iterator[Subject]:
    kind, colon, name = word.partition(":")
    if not colon:
        yield from _of_any_kind(word)
    elif kind == PACKAGE:
        yield from _of_distribution(_project_name(project) if name == THIS else name)
    elif kind in KINDS:
        yield from (_subject(kind, one) for one in KINDS[kind].matching(name))
    else:
        raise MalformedInput(
            f"cannot read {word!r}: there are no plug-ins of kind {kind!r}; write a name, or one "
            f"of {', '.join(f'{k}:NAME' for k in KINDS)}, {PACKAGE}:DISTRIBUTION, {PACKAGE}:."
        )


def _of_any_kind(name: str) -> Iterator[Subject]:
    fitting = []
    for kind, registry in KINDS.items():
        try:
            fitting += [_subject(kind, one) for one in registry.matching(name)]
        except UnknownName:
            continue
    if not fitting:
        known = [one for registry in KINDS.values() for one in registry]
        raise UnknownName("indicator, space or searcher", name, known, "untrained list")
    yield from fitting


def _subject(kind: str, name: str) -> Subject:
    item: Any = KINDS[kind][name]
    if kind == "indicator":
        return _with(kind, name, indicator_promises(item), IndicatorCase(item))
    suite: Suite[Any] = space_promises(item) if kind == "space" else searcher_promises(item)
    return _with(kind, name, suite, item)


def _with(kind: str, name: str, suite: Suite[Any], case: Any) -> Subject:
    def checked(check: Callable[[Any], None]) -> None:
        with one_thread():
            check(case)

    own = tuple(Obligation(one.name, one.statement, partial(checked, one.check)) for one in suite)
    running = [o for o, one in zip(own, suite, strict=True) if not one.declarative]
    return Subject(kind, name, (*own, _something_was_checked(running)))


def _something_was_checked(running: Sequence[Obligation]) -> Obligation:
    def check() -> None:
        reasons = []
        for one in running:
            try:
                one.check()
            except Inapplicable as reason:
                reasons.append(str(reason))
            except Exception:
                return  # it was checked, and found broken
            else:
                return
        raise Broken(
            "no promise about what it does applies, so nothing is known of it: "
            f"{'; '.join(sorted(set(reasons)))}"
        )

    return Obligation(
        "something_was_checked",
        "At least one promise about what it does applies; silence is no pass.",
        check,
    )


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


def _of_distribution(name: str) -> Iterator[Subject]:
    """The entry points themselves, then everything that their modules registered."""
    try:
        installed: Distribution = distribution(name)
    except (PackageNotFoundError, ValueError):
        raise MalformedInput(
            f"the distribution {name!r} is not installed here; install it (pip install --editable "
            ".), so that its entry points are found, or name the plug-ins one by one"
        ) from None
    groups = {f"untrained.{kind}s": kind for kind in KINDS}
    entries = [entry for entry in installed.entry_points if entry.group in groups]
    if not entries:
        raise MalformedInput(
            f"the distribution {name!r} has no entry point in {', '.join(groups)}; add one, as in "
            '[project.entry-points."untrained.indicators"] my_indicator = "my_package.indicator"'
        )
    for entry in sorted(entries, key=lambda one: (one.group, one.name)):
        yield _entry_point(entry, KINDS[groups[entry.group]])
    for kind, registry in KINDS.items():
        modules = {entry.module for entry in entries if groups[entry.group] == kind}
        yield from (_subject(kind, n) for n in registry if _is_of(registry.origin(n), modules))


def _is_of(origin: str, modules: set[str]) -> bool:
    """Whether a module is one of these, lies beside one in its package, or below one."""
    packages = {module.rpartition(".")[0] or module for module in modules}
    return any(origin in (m, *modules) or origin.startswith(f"{m}.") for m in packages)


def _entry_point(entry: EntryPoint, registry: Registry[Any]) -> Subject:
    def check() -> None:
        try:
            entry.load()
        except Exception as error:
            raise Broken(
                f"the entry point {entry.name} = {entry.value!r} cannot be loaded: "
                f"{type(error).__name__}: {error}"
            ) from error
        registered = [n for n in registry if _is_of(registry.origin(n), {entry.module})]
        require(
            bool(registered),
            f"the module {entry.module!r} loads, but registers no {registry.kind}; decorate or "
            "register it in that module, or import there the one that does",
        )

    statement = "The entry point can be loaded, and its module registers something."
    return Subject("entry point", entry.name, (Obligation("it_can_be_loaded", statement, check),))
