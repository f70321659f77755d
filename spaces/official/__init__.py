"""Each benchmark's official files, read into the project's own tables."""

from untrained.spaces.official.conversion import Converted, convert
from untrained.spaces.official.converter import Converter, converter, converters

__all__ = ["Converted", "Converter", "convert", "converter", "converters"]
