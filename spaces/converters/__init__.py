"""Each benchmark's official files, read into the project's own tables."""

from untrained.spaces.converters.conversion import Converted, convert
from untrained.spaces.converters.converter import Converter, converter, converters

__all__ = ["Converted", "Converter", "convert", "converter", "converters"]
