"""A score: its key, its value or the reason why there is none, and its environment."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

Status = Literal["ok", "unsupported", "diverged", "out_of_memory", "timeout", "error"]
STATUSES: tuple[Status, ...] = get_args(Status)


class ScoreKey(NamedTuple):
    """Identity of a score; two scores with equal keys are the same measurement."""

    space: str
    architecture: str
    """In the space's own notation."""
    indicator: str
    version: int
    """Version of the indicator's definition."""
    protocol: str
    """Digest of the conditions it was measured under."""
    seed: int


@dataclass(frozen=True, slots=True)
class Score:
    """The result of one indicator for one untrained network.

    Raises:
        ValueError: the status is unknown, or value and status contradict each other: a score that
            is `ok` has a value (infinite ones included), any other has NaN.
    """

    space: str
    architecture: str
    indicator: str
    version: int
    protocol: str
    seed: int
    value: float
    status: Status = "ok"
    reason: str = ""
    """Why there is no value; of one that was measured in parts of the batch, that it was."""
    alone_s: float = math.nan
    """Seconds this indicator would have taken by itself (three digits); NaN where not measured."""
    peak_bytes: int | None = None
    """Largest memory in use while it was measured; None where not measured."""
    representative: str | None = None
    """The member of the functional class that was measured; None: the architecture itself."""

    def __post_init__(self) -> None:
        """Refuse a status that contradicts the value."""
        if self.status not in STATUSES:
            raise ValueError(f"status {self.status!r} is none of {', '.join(STATUSES)}")
        if math.isnan(self.value) == (self.status == "ok"):
            raise ValueError(
                f"a score of {self.indicator} is {self.value} with status {self.status!r}: "
                "a value goes with 'ok', NaN with every other status"
            )

    @property
    def key(self) -> ScoreKey:
        """Return the key of the score in a store."""
        return ScoreKey(
            self.space, self.architecture, self.indicator, self.version, self.protocol, self.seed
        )


GIT_TIMEOUT_S = 10.0
NUMERIC_SETTINGS = ("cpu_capability", "onednn", "mkl", "matmul_precision", "kernels")


@dataclass(frozen=True, slots=True)
class Environment:
    """The software and the machine behind a score; None is what could not be found out."""

    untrained: str | None
    python: str | None
    torch: str | None
    numpy: str | None
    scipy: str | None
    platform: str | None
    device: str | None
    """Name of the device the networks ran on."""
    threads: int | None
    """Threads a worker used on the CPU."""
    git_commit: str | None
    """Commit of the checkout the project was run from; None for an installed package."""
    git_dirty: bool | None
    """Whether Python or TOML files of that checkout differ from the commit."""
    cpu_capability: str | None = None
    """Instruction set of torch's CPU kernels, such as AVX512; the last bits depend on it, as on
    the fields below."""
    onednn: str | None = None
    """`off`, or `on` with the CPU's best instruction set and the limit on it, if there is one."""
    mkl: str | None = None
    """Conditional numerical reproducibility of MKL (`MKL_CBWR`), or `default`."""
    matmul_precision: str | None = None
    """Precision of float32 products: highest, high or medium."""
    kernels: str | None = None
    """What reads the codes of ReLUs: `compiled` passes and their instruction set, or `torch`."""

    def entries(self) -> dict[str, object]:
        """Return values by field, without the numeric settings that an older store lacks."""
        return {
            name: value
            for name, value in asdict(self).items()
            if value is not None or name not in NUMERIC_SETTINGS
        }

    @property
    def canonical(self) -> str:
        """Return the environment as canonical JSON (sorted keys, no spaces)."""
        return json.dumps(self.entries(), sort_keys=True, separators=(",", ":"))

    @property
    def digest(self) -> str:
        """Return the first 16 hexadecimal digits of the SHA-256 of `canonical`."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()[:16]

    @classmethod
    def from_json(cls, text: str) -> Environment:
        """Parse the environment that `canonical` was made from.

        A field that the text lacks is None and one that it has too many is left out, so that
        stores of other versions of the project stay readable.

        Raises:
            ValueError: the text is no such JSON.
        """
        stored = json.loads(text)
        if not isinstance(stored, dict) or not all(
            value is None or isinstance(value, str | int) for value in stored.values()
        ):
            raise ValueError("an environment is no object of texts and numbers")
        return cls(**{field.name: stored.get(field.name) for field in fields(cls)})


def current_environment(
    *, device: str, threads: int, numerics: Mapping[str, str] = MappingProxyType({})
) -> Environment:
    """Describe the environment of this process.

    Args:
        device: name of the device the networks run on ("cpu", "NVIDIA H200").
        threads: CPU threads a worker uses.
        numerics: values of `NUMERIC_SETTINGS`, which torch knows.

    Returns:
        The environment. Versions come from package metadata: torch is not imported.
    """
    commit, dirty = _checkout_state(Path(__file__).resolve().parents[2])
    return Environment(
        untrained=_version("untrained"),
        device=device,
        threads=threads,
        git_commit=commit,
        git_dirty=dirty,
        **machine(),
        **numerics,
    )


def machine() -> dict[str, str | None]:
    """Describe what may differ between the machines of one run, by field of `Environment`."""
    system = (platform.system(), platform.machine(), *platform.libc_ver())
    return {
        "python": platform.python_version(),
        "torch": _version("torch"),
        "numpy": _version("numpy"),
        "scipy": _version("scipy"),
        "platform": " ".join(part for part in system if part),
    }


@cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@cache  # of the code that runs, which stays what it was when it was imported
def _checkout_state(root: Path) -> tuple[str | None, bool | None]:
    # An installed package may lie in a virtual environment inside somebody else's checkout:
    # only a `.git` right at the root is the project's own.
    if not (root / ".git").exists():
        return None, None
    commit = _git(root, "rev-parse", "HEAD")
    if not commit:
        return None, None
    changes = _git(root, "status", "--porcelain", "--", "*.py", "*.toml")
    return commit, None if changes is None else bool(changes)


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 the arguments are our own
            ["git", "-C", str(root), *arguments],  # noqa: S607 git is found on PATH
            capture_output=True,
            text=True,
            check=True,
            timeout=GIT_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
