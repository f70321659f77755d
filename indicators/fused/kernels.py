"""The compiled passes, if they were built with the installation, and their calls on tensors."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import gcd, inf
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

SWITCH = "UNTRAINED_KERNELS"
"""Environment variable; `torch` switches the compiled passes off."""
_VERSION = 3
_PASSES = (
    *("statistics", "node", "average3", "agreement", "transpose"),
    *("norm_backward", "correlate3", "weights3", "average3_backward"),
)
_FOLDER = Path(__file__).parent
_WORD = 64


@dataclass(frozen=True, slots=True)
class Term:
    """A map times a factor a channel, plus a shift a channel."""

    tensor: Tensor
    """(B, C, H, W) in channels_last, or (B, C); float32."""
    scale: Tensor | None = None
    """(C,) float32; None for 1 and 0."""
    shift: Tensor | None = None


class Kernels:
    """The compiled passes for the instruction set of this processor."""

    def __init__(self, library: ctypes.CDLL, level: int | None = None) -> None:
        """Take the passes of an instruction set; by default the best that the processor has.

        Raises:
            AttributeError: the library has no such passes.
        """
        self.level: int = library.level() if level is None else level
        self._passes = {name: getattr(library, f"{name}_{self.level}") for name in _PASSES}

    @property
    def name(self) -> str:
        """What a score's environment says of them."""
        return f"compiled, {('scalar', 'AVX2', 'AVX512')[self.level - 1]}"

    def _call(self, name: str, *args: Any) -> None:
        function = self._passes[name]
        function.restype = None
        function(*map(_argument, args))

    def statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance (not unbiased) of each channel, (C,) float64."""
        channels = x.shape[1]
        mean, var = torch.empty(2, channels, dtype=torch.float64)
        self._call("statistics", x, x.numel() // channels, channels, mean, var)
        return mean, var

    def node(
        self, terms: Sequence[Term], *, value: bool, relu: bool, codes: bool, cap: float = inf
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Return the sum of terms, its ReLU and the bits of where the sum is above zero.

        Args:
            terms: at least one; all of one shape.
            value, relu, codes: which of the three are wanted; None is returned of the others.
            cap: an upper bound of the ReLU.

        Returns:
            Two tensors of the terms' shape, and (B, ceil(units / 64)) int64 words of bits in the
            order of memory, the last one filled up with zeros.
        """
        like = terms[0].tensor
        batch, channels = like.shape[:2]
        units = like[0].numel()
        period = channels * _WORD // gcd(channels, _WORD)
        ones, zeros = torch.ones(period), torch.zeros(period)
        scales, shifts = [], []
        for term in terms:
            plain = term.scale is None or term.shift is None
            repeats = period // channels
            scales.append(ones if plain else term.scale.repeat(repeats))  # type: ignore[union-attr]
            shifts.append(zeros if plain else term.shift.repeat(repeats))  # type: ignore[union-attr]
        results = (
            torch.empty_like(like) if value else None,
            torch.empty_like(like) if relu else None,
            torch.empty(batch, -(-units // _WORD), dtype=torch.int64) if codes else None,
        )
        self._call(
            *("node", batch, units, period, len(terms), [t.tensor for t in terms]),
            *(scales, shifts, cap, *results),
        )
        return results

    def average3(self, x: Tensor) -> Tensor:
        """Return means of 3 x 3 neighbours; those outside of the map are not counted."""
        batch, channels, height, width = x.shape
        out, columns = torch.empty_like(x), torch.empty(width * channels)
        self._call("average3", x, batch, height, width, channels, columns, out)
        return out

    def agreement(self, words: Tensor, units: int) -> Tensor:
        """Return in how many units each two samples agree, (B, B) float64, exact."""
        batch, number = words.shape
        agreeing = torch.empty(batch, batch, dtype=torch.float64)
        self._call("agreement", words, batch, number, units, agreeing)
        return agreeing

    def transpose(self, words: Tensor, units: int) -> Tensor:
        """Return the pattern of each unit over samples: (units,) int64, of at most 64 samples."""
        batch, number = words.shape
        patterns = torch.empty(units, dtype=torch.int64)
        self._call("transpose", words, batch, number, units, patterns)
        return patterns

    def norm_backward(
        self, cotangents: Tensor, normalised: Tensor, scale: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the backward pass of a normalisation by its batch's own statistics.

        Args:
            cotangents: (I, C, ...), of I functions of the normalised maps.
            normalised: (C, ...), of mean 0 and variance 1 in each channel.
            scale: (C,), gain over standard deviation.

        Returns:
            Cotangents of the maps before, (I, C, ...), and of the gains, (I, C).
        """
        number, channels = cotangents.shape[:2]
        out, gains = torch.empty_like(cotangents), torch.empty(number, channels)
        size = normalised[0].numel()
        self._call(
            *("norm_backward", cotangents, normalised, scale, number, channels, size, out, gains)
        )
        return out, gains

    def correlate3(self, maps: Tensor, weights: Tensor) -> Tensor:
        """Return 3 x 3 correlations (I, C', N, H, W), sums over C, zeros around the maps.

        Args:
            maps: (I, C, N, H, W).
            weights: (C', C, 3, 3).
        """
        number, channels, batch, height, width = maps.shape
        padded = torch.zeros(channels, height + 2, width + 2)
        out = torch.empty(number, len(weights), *maps.shape[2:])
        sizes = (number, len(weights), channels, batch, height, width)
        self._call("correlate3", maps, weights, *sizes, padded, out)
        return out

    def weights3(self, cotangents: Tensor, padded: Tensor) -> Tensor:
        """Return the gradients of the weights of `correlate3`, (I, C', C, 3, 3).

        Args:
            cotangents: (I, C', N, H, W).
            padded: (C, N, H + 2, W + 2), the maps with zeros around them.
        """
        number, channels, *sizes = cotangents.shape
        out = torch.empty(number, channels, len(padded), 3, 3)
        self._call("weights3", cotangents, padded, number, channels, len(padded), *sizes, out)
        return out

    def average3_backward(self, cotangents: Tensor) -> Tensor:
        """Return the backward pass of `average3` on maps (..., H, W)."""
        height, width = cotangents.shape[-2:]
        out, columns = torch.empty_like(cotangents), torch.empty(width + 2)
        number = cotangents.numel() // (height * width)
        self._call("average3_backward", cotangents, number, height, width, columns, out)
        return out


def _argument(value: Any) -> Any:
    if value is None:
        return ctypes.c_void_p(None)
    if isinstance(value, Tensor):
        return ctypes.c_void_p(value.data_ptr())
    if isinstance(value, list):
        return (ctypes.c_void_p * len(value))(*(tensor.data_ptr() for tensor in value))
    return ctypes.c_float(value) if isinstance(value, float) else ctypes.c_int64(value)


def library_path() -> Path:
    """Return where the compiled passes lie, or would lie."""
    return _FOLDER / "passes.library"


@cache
def _load() -> Kernels | None:
    try:
        library = ctypes.CDLL(str(library_path()))
        return Kernels(library) if library.version() == _VERSION else None
    except (OSError, AttributeError):  # not built, or of another machine
        return None


def kernels() -> Kernels | None:
    """Return the compiled passes; None where they were not built or are switched off."""
    return None if os.environ.get(SWITCH) == "torch" else _load()


def kernels_for(network: nn.Module, inputs: Tensor) -> Kernels | None:
    """Return the compiled passes if a network's numbers are theirs: maps in float32 on a CPU."""
    tensors = (inputs, *network.parameters(), *network.buffers())
    plain = all(
        t.device.type == "cpu" and (t.dtype == torch.float32 or not t.is_floating_point())
        for t in tensors
    )
    return kernels() if plain and inputs.dim() == 4 else None
