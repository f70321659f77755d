"""Read a pickle of plain records without running anything that it names."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Collection
from pathlib import Path
from typing import Any

from untrained.foundation import MalformedInput, UserError


def load_inert(path: Path, *, records: Collection[tuple[str, str]]) -> Any:
    """The object in a pickle, the instances of its classes replaced by empty shells.

    A pickle is a program; the only objects this one can call are shells without behaviour, made
    anew for each file. A record keeps its attributes in `vars(record)`.

    Args:
        path: the file.
        records: (module, qualified name) of each class whose instances it may hold.

    Raises:
        MalformedInput: the file names anything else, or is no pickle, or is damaged.
    """
    shells = {record: type("Record", (), {}) for record in records}

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> type:
            try:
                return shells[module, name]
            except KeyError:
                allowed = ", ".join(sorted(".".join(record) for record in records))
                raise _refused(
                    path,
                    f"it names {module}.{name}, which is not run; only {allowed} may occur in it",
                ) from None

    collecting = gc.isenabled()
    gc.disable()  # nothing here is garbage, and looking for some triples the time
    try:
        with path.open("rb") as file:
            return Unpickler(file).load()
    except UserError:
        raise
    except Exception as error:  # a damaged pickle fails in every way there is
        raise _refused(path, f"{type(error).__name__}: {error}") from error
    finally:
        if collecting:
            gc.enable()


def _refused(path: Path, reason: str) -> MalformedInput:
    return MalformedInput(
        f"the pickle {path} was to be read, but it is not what it should be: {reason}; "
        "replace the file by an unchanged copy (for a package: pip install --force-reinstall)"
    )
