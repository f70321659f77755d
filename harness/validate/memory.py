"""The memory that a piece of work takes on the CPU."""

from __future__ import annotations

import os
from collections.abc import Callable


def peak_allocated(work: Callable[[], object]) -> int:
    """The most bytes of tensors that the work had allocated at once, beyond those before it.

    Counted by torch's own profiler from every allocation and release of the CPU's allocator. What
    is allocated elsewhere (numpy, Python objects) is not in it.

    Args:
        work: is run once, about twice as slowly as without being watched.
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # it would write to the user's terminal
    from torch.autograd.profiler import profile

    with profile(profile_memory=True) as profiled:
        work()
    results = profiled.kineto_results
    assert results is not None, "the profiler has been left"
    events = [one for one in results.events() if one.name() == "[memory]"]
    now = peak = 0
    for event in sorted(events, key=lambda one: one.start_ns()):
        now += event.nbytes()
        peak = max(peak, now)
    return peak
