"""Settings of all tests."""

import gc

from hypothesis import settings

# none has a deadline, because a test asserts no time
settings.register_profile("untrained", deadline=None)
settings.load_profile("untrained")


def pytest_collection_finish() -> None:
    """Let no search for garbage look at modules and collected tests, which stay to the end."""
    gc.collect()
    gc.freeze()
