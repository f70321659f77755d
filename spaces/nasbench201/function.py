"""Which NAS-Bench-201 cells compute the same function.

*Function* means the cell as it is initialised, its weights left free: two cells are equal if their
convolutions can be paired so that, with equal weights in each pair, the outputs agree on every
input. The untrained network then agrees as well, because all its cells are the same.

The normal form is a sum of terms, written as sorted text:

- `x` is the input; a skip connection passes its source on; `none` contributes nothing;
- `1[s]`, `3[s]`, `p[s]` are a ReLU-convolution-BN block or an average pooling of the sum s;
- an operation on an empty sum is nothing: at initialisation the batch norm's shift beta is 0, so
  even a convolution maps zero to zero. (That beta does get a gradient: such cells are equal as
  functions, not as optimisation problems.)
- x + x stays a sum of two terms: after a batch norm, 2x and x differ by the norm's epsilon only,
  but they differ.

Every convolution has weights of its own, so `3[x]+3[x]` is two convolutions of one input. A single
convolution that is reached twice is something else and is marked: `3'[x]+p[3'[x]]`. Only the edge
0>1 can be: each other convolution feeds either the output or node 2, whose only reader is edge 2>3.
One mark is therefore enough, and a mark that occurs once is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Term = tuple[str, tuple[int, ...]]
"""Text of a term, and the convolution edges in it in the order in which the text has them."""

REDUCTION = "factorized_reduction"
"""A skip connection that changes the shape, in other spaces that have these cells: weights of its
own between a ReLU and a batch norm, hence for `normal_form` a further kind of convolution."""

_SYMBOL = {"nor_conv_1x1": "1", "nor_conv_3x3": "3", "avg_pool_3x3": "p", REDUCTION: "f"}
_MARK = "'"


@dataclass(frozen=True, slots=True)
class NormalForm:
    """The function of a cell: equal texts, equal functions."""

    text: str
    """The sum of terms; empty for a cell that is constantly zero."""
    convolutions: tuple[int, ...]
    """Edges (places in the notation) of the convolutions that matter, in the order of the text.

    Cells of equal text have as many, and the pairing by place makes them agree.
    """


def normal_form(operations: Sequence[str], *, linear_pooling: bool = False) -> NormalForm:
    """The function of a cell.

    Args:
        operations: one a edge, in the order 0>1, 0>2, 1>2, 0>3, 1>3, 2>3.
        linear_pooling: pool a sum term by term, which is equal up to rounding.
    """
    text, edges = _join(_output(operations, linear_pooling, shared=True))
    if text.count(_MARK) == 1:
        text, edges = _join(_output(operations, linear_pooling, shared=False))
    return NormalForm(text, tuple(dict.fromkeys(edges)))


def _output(operations: Sequence[str], linear_pooling: bool, *, shared: bool) -> list[Term]:
    """The terms of node 3; `shared` marks the convolution on edge 0>1."""
    nodes: list[list[Term]] = [[("x", ())]]
    edge = 0
    for target in (1, 2, 3):
        terms: list[Term] = []
        for source in range(target):
            mark = _MARK if shared and edge == 0 else ""
            terms += _apply(operations[edge], edge, nodes[source], mark, linear_pooling)
            edge += 1
        nodes.append(terms)
    return nodes[3]


def _apply(
    operation: str, edge: int, terms: list[Term], mark: str, linear_pooling: bool
) -> list[Term]:
    if operation == "none" or not terms:
        return []
    if operation == "skip_connect":
        return terms
    symbol = _SYMBOL[operation]
    if operation == "avg_pool_3x3":
        groups = [[term] for term in terms] if linear_pooling else [terms]
        return [(f"{symbol}[{text}]", edges) for text, edges in map(_join, groups)]
    text, edges = _join(terms)
    return [(f"{symbol}{mark}[{text}]", (edge, *edges))]


def _join(terms: list[Term]) -> Term:
    ordered = sorted(terms)
    return "+".join(text for text, _ in ordered), tuple(e for _, edges in ordered for e in edges)
