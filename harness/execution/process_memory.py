"""Memory of a process in a run: what torch frees, and what Python's collector looks at."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Of `mallopt` in glibc."""
_ALL = 2**31 - 1
_USUAL = 32 * 2**20
"""The size up to which glibc, left alone, learns to take memory from its heap."""


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Inside, memory that is freed stays with the process, to be used by the next tensor.

    Else glibc hands the memory of a map back to the system, and the next map costs a page fault
    for each 4 KB. With another C library than glibc nothing is changed. Afterwards the memory is
    handed back.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        yield
        return
    library.mallopt(_MMAP_THRESHOLD, _USUAL)
    library.mallopt(_TRIM_THRESHOLD, _ALL)
    try:
        yield
    finally:
        library.mallopt(_TRIM_THRESHOLD, 2 * _USUAL)
        library.malloc_trim(0)


@contextmanager
def existing_objects_frozen() -> Iterator[None]:
    """Inside, Python's garbage collector does not look at the objects that exist now.

    torch and the plug-ins are a million objects, which stay. A network of some hundred modules
    starts several collections, and each full one would go through the million. Where a program has
    frozen objects of its own, they stay frozen afterwards, and so do those of here.
    """
    own = gc.get_freeze_count()
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        if not own:
            gc.unfreeze()
