"""Named plug-ins: files of one folder and entry points of other packages."""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Generic, TypeVar

from untrained.foundation.errors import UnknownName

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """The items registered under a name, loaded on first look-up.

    Looking anything up imports every module of `package` (a file registers what it defines) and
    every entry point of `group` (an entry point that fails to load is a warning: somebody else's
    broken package must not take the harness down).
    """

    def __init__(
        self,
        kind: str,
        *,
        package: str,
        group: str,
        hint: str = "",
        machinery: Collection[str] = (),
    ) -> None:
        """Make an empty registry.

        Args:
            kind: what it holds, in the singular, for messages.
            package: dotted name of the package whose modules are plug-ins.
            group: entry-point group of third-party plug-ins.
            hint: what a user can do about an unknown name.
            machinery: names in `package` that hold no plug-ins. Every other sub-package is a
                family, whose modules are plug-ins too.
        """
        self.kind = kind
        self._package = package
        self._group = group
        self._hint = hint
        self._machinery = frozenset(machinery)
        self._items: dict[str, T] = {}
        self._origins: dict[str, str] = {}
        self._loaded = False

    def register(self, name: str, item: T, *, origin: str) -> T:
        """Add an item.

        Args:
            origin: where it is defined (module name), for the message of a clash.

        Returns:
            The item, so that a decorator can end with this call.

        Raises:
            ValueError: the name is taken by something defined elsewhere.
        """
        if name in self._items:
            raise ValueError(
                f"two {self.kind}s are named {name!r}: in {self._origins[name]} and in {origin}"
            )
        self._items[name] = item
        self._origins[name] = origin
        return item

    def forget(self, name: str) -> None:
        """Take an item out again.

        Raises:
            UnknownName: there is none of that name.
        """
        self[name]
        del self._items[name], self._origins[name]

    @contextmanager
    def borrowed(self, *, without: Collection[str] = ()) -> Iterator[Callable[[], list[str]]]:
        """Forget after the block whatever is registered inside it.

        Args:
            without: names that are not registered inside the block.

        Yields:
            What tells the names registered since the block began, in that order.
        """
        self._load()
        items, origins = dict(self._items), dict(self._origins)
        for name in without:
            self._items.pop(name, None)
            self._origins.pop(name, None)
        before = set(self._items)
        try:
            yield lambda: [name for name in self._items if name not in before]
        finally:
            # the same dictionaries: others may hold on to them
            for kept, now in ((items, self._items), (origins, self._origins)):
                now.clear()
                now.update(kept)  # type: ignore[arg-type]

    def preload(self) -> None:
        """Import every module of `package`, but look for no entry points yet."""
        self._scan(self._package)

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True  # set first: a plug-in may look something up while it is imported
        try:
            self._scan(self._package)
        except BaseException:
            self._loaded = False
            raise
        from importlib.metadata import entry_points  # a tenth of the time of `--help`

        for entry in entry_points(group=self._group):
            try:
                entry.load()
            except Exception as error:
                warnings.warn(
                    f"the {self.kind} plug-in {entry.name!r} ({entry.value}) cannot be loaded "
                    f"and is left out: {type(error).__name__}: {error}",
                    RuntimeWarning,
                    stacklevel=3,
                )

    def _scan(self, name: str) -> None:
        package = importlib.import_module(name)
        for module in pkgutil.iter_modules(package.__path__):
            if module.name in self._machinery:
                continue
            if module.ispkg:
                self._scan(f"{name}.{module.name}")
            else:
                importlib.import_module(f"{name}.{module.name}")

    def __getitem__(self, name: str) -> T:
        """The item of that name.

        Raises:
            UnknownName: there is none; the message suggests the nearest.
        """
        self._load()
        try:
            return self._items[name]
        except KeyError:
            raise UnknownName(self.kind, name, self._items, self._hint) from None

    def origin(self, name: str) -> str:
        """The module that registered an item.

        Raises:
            UnknownName: there is none of that name.
        """
        self[name]
        return self._origins[name]

    def matching(self, pattern: str) -> list[str]:
        """Names that fit a name or a pattern, in alphabetical order.

        Args:
            pattern: a name, or one with `*`, `?` or `[...]` in it, as in file names.

        Raises:
            UnknownName: nothing fits.
        """
        if not any(sign in pattern for sign in "*?["):
            self[pattern]
            return [pattern]
        fitting = [name for name in self if fnmatchcase(name, pattern)]
        if not fitting:
            raise UnknownName(self.kind, pattern, self._items, self._hint)
        return fitting

    def __iter__(self) -> Iterator[str]:
        """Names in alphabetical order."""
        self._load()
        return iter(sorted(self._items))

    def __len__(self) -> int:
        """How many items there are."""
        self._load()
        return len(self._items)
