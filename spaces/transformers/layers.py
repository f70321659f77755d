"""Layers that the transformers share: attention, feed-forward, position tables."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

STD = 0.02
"""Standard deviation that transformers draw weights with."""


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(B, T, heads d) -> (B, heads, T, d)."""
    return x.reshape(*x.shape[:-1], heads, -1).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """(B, heads, T, d) -> (B, T, heads d)."""
    return x.transpose(1, 2).flatten(2)


def as_map(tokens: Tensor) -> Tensor:
    """(B, 1 + side^2, C) -> (B, C, side, side), without the first token."""
    side = round((tokens.shape[1] - 1) ** 0.5)
    return tokens[:, 1:].transpose(1, 2).reshape(len(tokens), -1, side, side)


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention of tensors (B, heads, T, d).

    Args:
        mask: added to the products before the softmax.
    """
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores + mask
    return scores.softmax(-1) @ value


class SelfAttention(nn.Module):
    """One linear layer for queries, keys and values, attention, and a projection."""

    def __init__(self, width: int, heads: int, head_width: int, *, bias: bool = True) -> None:
        """Build with the layers' default initialisation."""
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * heads * head_width, bias=bias)
        self.projection = nn.Linear(heads * head_width, width, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        query, key, value = (split_heads(part, self.heads) for part in self.qkv(x).chunk(3, -1))
        out: Tensor = self.projection(join_heads(attend(query, key, value)))
        return out


class FeedForward(nn.Module):
    """Linear layer, GELU, linear layer."""

    def __init__(self, width: int, hidden: int, *, bias: bool = True) -> None:
        """Build with the layers' default initialisation."""
        super().__init__()
        self.enter = nn.Linear(width, hidden, bias=bias)
        self.activation = nn.GELU()
        self.leave = nn.Linear(hidden, width, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        out: Tensor = self.leave(self.activation(self.enter(x)))
        return out


class Block(nn.Module):
    """Attention and feed-forward layer, each after a layer norm and beside a shortcut."""

    def __init__(self, attention: nn.Module, width: int, hidden: int) -> None:
        """Build with the layers' default initialisation."""
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attention = attention
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = FeedForward(width, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        x = x + self.attention(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


def draw_normal(network: nn.Module) -> None:
    """Draw linear layers and embeddings from N(0, 0.02^2), with biases of zero.

    The published codes truncate at 2, a hundred standard deviations, which no draw reaches.
    """
    for module in network.modules():
        if not isinstance(module, nn.Linear | nn.Embedding) or module.weight.is_meta:
            continue
        nn.init.normal_(module.weight, std=STD)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            with torch.no_grad():
                module.weight[module.padding_idx].zero_()


def places_of(side: int, published: int) -> Tensor:
    """Rows of a table of published x published places that a grid of side x side takes.

    A place of a grid of another resolution takes the nearest published one: at the published
    resolution its own, at a smaller one others of the same distribution.
    """
    line = torch.arange(side) * published // side
    return (line[:, None] * published + line).flatten()
