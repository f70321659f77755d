"""Settings of all tests."""

import gc

from hypothesis import settings

# none has a deadline, because a test asserts no time
settings.register_profile("untrained", deadline=None)
settings.load_profile("untrained")

# what is imported and collected stays to the end: no search for garbage looks at it, then or later
gc.disable()


def pytest_collection_finish() -> None:
    """Let searches for garbage begin, without the modules and the collected tests."""
    gc.collect()
    gc.freeze()
    gc.enable()
