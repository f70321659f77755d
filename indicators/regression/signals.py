"""Synthetic signals that GenNAS regresses onto."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from untrained.foundation import Unsupported
from untrained.indicators.regression.tasks import NoiseKind, Signal, Stage


def noise_like(
    inputs: Tensor, kind: NoiseKind, level: float
) -> Callable[[torch.Generator], Tensor] | None:
    """What draws noise for these inputs: uniform in (-level, level), or level times a normal.

    Args:
        inputs: what it is added to, of any shape.
        level: a in U(-a, a) or a N(0, 1).

    Returns:
        A function of a CPU generator, whose result has the inputs' shape, device and type and is
        drawn in float64, so that it does not depend on the latter two; None at level 0.
    """
    if not level:
        return None

    def draw(generator: torch.Generator) -> Tensor:
        if kind == "gaussian":
            drawn = torch.randn(inputs.shape, generator=generator, dtype=torch.float64)
        else:
            drawn = 2 * torch.rand(inputs.shape, generator=generator, dtype=torch.float64) - 1
        return (level * drawn).to(inputs)

    return draw


SIDE = 8
NUM_PHASES = 32
_MOST_REPEATS = 1000


def sin1d(frequencies: Sequence[float], phases: Tensor, chosen: Tensor, side: int = SIDE) -> Tensor:
    """The chosen one-dimensional waves (n, side, side): f(2 pi beta y + phi_k) down or across.

    f is the sine for even k and the cosine for odd k. For each frequency beta come 32 waves along y
    and the same 32 along x.

    Args:
        frequencies: the betas, in cycles per pixel.
        phases: (betas, 32), phi.
        chosen: indices (n,) into the 64 * betas waves.
        side: of the grid, whose coordinates are 1 .. side.
    """
    beta, rest = chosen // (2 * NUM_PHASES), chosen % (2 * NUM_PHASES)
    along_x, k = rest // NUM_PHASES, rest % NUM_PHASES
    position = torch.arange(1, side + 1, dtype=torch.float64)
    betas = torch.tensor(frequencies, dtype=torch.float64)[beta]
    angle = 2 * math.pi * betas[:, None] * position + phases[beta, k][:, None]
    wave = torch.where((k % 2 == 0)[:, None], angle.sin(), angle.cos())
    down = wave[:, :, None].expand(-1, side, side)
    return torch.where((along_x == 1)[:, None, None], down.transpose(1, 2), down)


def sin2d(frequencies: Sequence[float], phases: Tensor, chosen: Tensor, side: int = SIDE) -> Tensor:
    """The chosen plane waves (n, side, side): f(2 pi (beta_a y + beta_b x) + 2 phi_k).

    f is the sine for even k and the cosine for odd k. For each ordered pair of frequencies come 32
    waves and the same 32 upside down.

    Args:
        frequencies: the betas, in cycles per pixel.
        phases: (pairs, 32), phi.
        chosen: indices (n,) into the 64 * pairs waves.
        side: of the grid, whose coordinates are 1 .. side.
    """
    pair, rest = chosen // (2 * NUM_PHASES), chosen % (2 * NUM_PHASES)
    flipped, k = rest // NUM_PHASES, rest % NUM_PHASES
    betas = torch.tensor(frequencies, dtype=torch.float64)
    a, b = betas[pair // len(frequencies)], betas[pair % len(frequencies)]
    position = torch.arange(1, side + 1, dtype=torch.float64)
    space = a[:, None, None] * position[:, None] + b[:, None, None] * position
    angle = 2 * math.pi * space + 2 * phases[pair, k][:, None, None]
    wave = torch.where((k % 2 == 0)[:, None, None], angle.sin(), angle.cos())
    return torch.where((flipped == 1)[:, None, None], wave.flip(1), wave)


def dots(num_maps: int, share: float, generator: torch.Generator, side: int = SIDE) -> Tensor:
    """Maps (n, side, side): floor(share * pixels) pixels of -1 or 1 at distinct places, the rest 0.

    Raises:
        ValueError: the share is no fraction.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share of {share!r} of the pixels was asked for; it lies in [0, 1]")
    pixels = side * side
    order = torch.rand(num_maps, pixels, generator=generator, dtype=torch.float64).argsort(1)
    signs = torch.randint(0, 2, (num_maps, pixels), generator=generator).double() * 2 - 1
    return torch.where(order < int(share * pixels), signs, 0.0).reshape(num_maps, side, side)


def smoothed(maps: Tensor, sigma: float = 1.0) -> Tensor:
    """Maps (n, side, side) after a Gaussian filter, each scaled to a largest absolute value of 1.

    The border is mirrored with its pixel repeated, the filter cut off at 4 sigma. A map of zeros
    stays one.
    """
    side, radius = maps.shape[-1], int(4 * sigma + 0.5)
    offset = torch.arange(-radius, radius + 1)
    weight = torch.exp(-0.5 * (offset.double() / sigma) ** 2)
    place = torch.arange(side)[:, None] + offset
    mirrored = place % (2 * side)
    mirrored = torch.where(mirrored < side, mirrored, 2 * side - 1 - mirrored)
    blur = torch.zeros(side, side, dtype=torch.float64)
    blur.scatter_add_(1, mirrored, (weight / weight.sum()).expand(side, -1))
    result = blur @ maps @ blur.T
    largest = result.abs().amax((1, 2), keepdim=True)
    return torch.where(largest > 0, result / largest, 0.0)


def resized(
    images: Tensor, num_channels: int, generator: torch.Generator, side: int = SIDE
) -> Tensor:
    """The images (B, channels, H, W) from -1 to 1 at (B, n, side, side), with channels drawn.

    Nearest-neighbour resizing; minimum and maximum are those of the whole batch.

    Raises:
        ValueError: more than 1000 channels.
    """
    if num_channels > _MOST_REPEATS:
        raise ValueError(
            f"{num_channels} channels were asked for; at most {_MOST_REPEATS} can be drawn"
        )
    small = functional.interpolate(images.detach().cpu().double(), size=(side, side))
    low, high = small.min(), small.max()
    scaled = 2 * (small - low) / (high - low) - 1 if high > low else torch.zeros_like(small)
    order = torch.randperm(_MOST_REPEATS, generator=generator)[:num_channels]
    return scaled[:, order % images.shape[1]]


def target(stage: Stage, images: Tensor, generator: torch.Generator) -> Tensor:
    """T = sum over the stage's signals of level * signal, (B, stage channels, 8, 8) float64.

    A local signal is drawn for each image (B, channels, H, W) by itself, any other once for the
    batch. Zeros where the stage has none.

    Raises:
        Unsupported: the inputs are not images.
    """
    if images.dim() != 4:
        raise Unsupported(f"the regression takes images (B, C, H, W), not {tuple(images.shape)}")
    total = torch.zeros(len(images), stage.num_channels, SIDE, SIDE, dtype=torch.float64)
    for signal in stage.signals:
        if signal.kind == "resize":
            total += signal.level * resized(images, stage.num_channels, generator)
            continue
        num_draws = len(images) if signal.local else 1
        drawn = [_draw(signal, stage.num_channels, generator) for _ in range(num_draws)]
        total += signal.level * torch.stack(drawn)
    return total


def sequences(
    signals: Sequence[Signal],
    num_sequences: int,
    length: int,
    width: int,
    generator: torch.Generator,
) -> Tensor:
    """A batch of sequences (T, B, d) float64: the sum over the signals of level * signal.

    Each is the corner of a square map, large enough for both, whose y is the time. A local signal
    is drawn for each sequence by itself; of any other there is one draw of waves or dots, from
    which the sequences take different maps.

    Args:
        signals: all but `resize`, there are no images; without a signal zeros.

    Raises:
        ValueError: a signal is the images themselves.
    """
    side = max(length, width)
    total = torch.zeros(num_sequences, side, side, dtype=torch.float64)
    for signal in signals:
        if signal.local:
            drawn = [_draw(signal, 1, generator, side) for _ in range(num_sequences)]
            total += signal.level * torch.cat(drawn)
        else:
            total += signal.level * _draw(signal, num_sequences, generator, side)
    return total[:, :length, :width].transpose(0, 1).contiguous()


def _draw(signal: Signal, num_maps: int, generator: torch.Generator, side: int = SIDE) -> Tensor:
    if signal.kind == "resize":
        raise ValueError("the signal 'resize' is the images themselves and there are none")
    if signal.kind == "dot":
        return dots(num_maps, signal.share, generator, side)
    if signal.kind == "gdot":
        return smoothed(dots(num_maps, signal.share, generator, side))
    wave = sin1d if signal.kind == "sin1d" else sin2d
    num_families = len(signal.frequencies) ** (1 if signal.kind == "sin1d" else 2)
    phases = torch.rand(num_families, NUM_PHASES, generator=generator, dtype=torch.float64)
    chosen = torch.randperm(2 * NUM_PHASES * num_families, generator=generator)[:num_maps]
    return wave(signal.frequencies, 2 * math.pi * phases, chosen, side)
