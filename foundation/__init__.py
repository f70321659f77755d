"""What every room needs and none owns: the error tree, the plug-in registry, seed derivation."""

from untrained.foundation.errors import (
    Interrupted,
    MalformedInput,
    MissingData,
    StorageError,
    UnknownName,
    Unsupported,
    UntrainedError,
    UserError,
    suggest,
)
from untrained.foundation.parameters import Parameter, Value
from untrained.foundation.reading import READ_ERRORS, parse_toml
from untrained.foundation.registry import Registry
from untrained.foundation.seeds import derive

__all__ = [
    "READ_ERRORS",
    "Interrupted",
    "MalformedInput",
    "MissingData",
    "Parameter",
    "Registry",
    "StorageError",
    "UnknownName",
    "Unsupported",
    "UntrainedError",
    "UserError",
    "Value",
    "derive",
    "parse_toml",
    "suggest",
]
