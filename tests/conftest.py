"""Settings of all property tests: none has a deadline, because a test asserts no time."""

from hypothesis import settings

settings.register_profile("untrained", deadline=None)
settings.load_profile("untrained")
