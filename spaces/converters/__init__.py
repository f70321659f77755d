"""Each benchmark's official files, read into the project's own tables."""

from untrained.spaces.converters.conversion import (
    Converted,
    Converter,
    convert,
    converter,
    converters,
)

__all__ = ["Converted", "Converter", "convert", "converter", "converters"]
