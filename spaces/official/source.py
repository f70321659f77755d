"""Where official files are published, read from one data file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One published file."""

    file: str
    """Its name."""
    page: str
    """Where a person finds it."""
    licence: str
    citation: str
    address: str = ""
    """Where a program gets it; empty where there is no such address."""
    size: int | None = None
    """In bytes."""
    sha256: str = ""
    md5: str = ""
    note: str = ""

    @property
    def checksum(self) -> tuple[str, str] | None:
        """Algorithm and hexadecimal digest, where one is known."""
        if self.sha256:
            return "sha256", self.sha256
        return ("md5", self.md5) if self.md5 else None


@cache
def sources() -> Mapping[str, Source]:
    """The published files by the name that they are converted under."""
    text = files("untrained.spaces.official").joinpath("sources.toml").read_text("utf-8")
    return MappingProxyType({name: Source(**entry) for name, entry in tomllib.loads(text).items()})
