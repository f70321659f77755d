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

_entered = 0
"""How often the context below is entered now; the outermost puts things back."""
_program_freezes = False
"""Whether the program was found to freeze objects of its own: counting millions takes long."""


@contextmanager
def memory_kept() -> Iterator[None]:
    """Inside, freed memory stays with the process, and existing objects are not looked at.

    For many networks one after the other; to enter and leave it takes as long as to measure one.

    Else glibc hands the memory of a map back to the system, and the next map costs a page fault
    for each 4 KB. With another C library than glibc nothing is changed. Afterwards the memory is
    handed back.

    torch and the plug-ins are a million objects, which stay. A network of some hundred modules
    starts several garbage collections, and each full one would go through the million. Where a
    program has frozen objects of its own, they stay frozen afterwards, and so do those of here;
    that it has is remembered as long as the process lives, and nothing more is frozen then.
    """
    global _entered, _program_freezes  # noqa: PLW0603
    library = ctypes.CDLL(None)
    is_outermost, is_glibc = not _entered, hasattr(library, "gnu_get_libc_version")
    if is_outermost and not _program_freezes:
        _program_freezes = gc.get_freeze_count() > 0
    frozen = is_outermost and not _program_freezes
    if is_outermost and is_glibc:
        library.mallopt(_MMAP_THRESHOLD, _USUAL)
        library.mallopt(_TRIM_THRESHOLD, _ALL)
    if frozen:
        gc.collect()
        gc.freeze()
    _entered += 1
    try:
        yield
    finally:
        _entered -= 1
        if frozen:
            gc.unfreeze()
        if is_outermost and is_glibc:
            library.mallopt(_TRIM_THRESHOLD, 2 * _USUAL)
            library.malloc_trim(0)
