"""What tasks need, imported once by the process that worker processes are forked from."""

from untrained.harness.execution import scoring  # noqa: F401 the import is what is wanted
from untrained.indicators import indicators
from untrained.spaces import spaces

spaces.preload()
indicators.preload()
