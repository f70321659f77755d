"""The graph of a batch of nodes, and the operations of NAS-Bench-Graph on it.

Each is the published layer of Kipf and Welling (ICLR 2017, gcn), Velickovic et al. (ICLR 2018,
gat), Xu et al. (ICLR 2019, gin), Defferrard et al. (NeurIPS 2016, cheb), Hamilton et al. (NeurIPS
2017, sage), Bianchi et al. (TPAMI 2021, arma) or Morris et al. (AAAI 2019, graph), with the options
that the benchmark chose and the initialisation of PyTorch Geometric, which it was made with.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

HEADS = 4
_SLOPE = 0.2


@lru_cache(maxsize=32)
def adjacency(nodes: int, degree: float) -> NDArray[np.float64]:
    """Draw the undirected random graph of so many nodes, without loops; the same in every call.

    So many pairs are joined that a node has `degree` neighbours on the average, or all if there are
    not enough. A single node is a regular graph of equal nodes: it is its own neighbour, `degree`
    times.
    """
    if nodes == 1:
        return np.full((1, 1), degree)
    pairs = nodes * (nodes - 1) // 2
    edges = min(round(nodes * degree / 2), pairs)
    chosen = np.random.default_rng(nodes).choice(pairs, edges, replace=False)
    rows, columns = (ends[chosen] for ends in np.triu_indices(nodes, 1))
    joined = np.zeros((nodes, nodes))
    joined[rows, columns] = joined[columns, rows] = 1
    return joined


@lru_cache(maxsize=64)
def propagation(operation: str, nodes: int, degree: float) -> NDArray[np.float64]:
    """Return what an operation multiplies the nodes by, (nodes, nodes).

    With A the adjacency and D the degrees: of gin and gat A + 1, of graph A, of sage the mean
    D^-1 A, of arma D^-1/2 A D^-1/2, of cheb the negative of it, which is the Laplacian scaled by a
    largest eigenvalue of 2, and of gcn the same as arma with A + 1 in place of A.
    """
    joined = adjacency(nodes, degree)
    if operation in ("gin", "gat", "gcn"):
        joined = joined + np.eye(nodes)
    degrees = joined.sum(1)
    inverse = np.divide(1, degrees, out=np.zeros(nodes), where=degrees > 0)
    if operation == "sage":
        joined = inverse[:, None] * joined
    if operation in ("gcn", "arma", "cheb"):
        scale = np.sqrt(inverse)
        joined = scale[:, None] * joined * scale
    return -joined if operation == "cheb" else joined


class _Kind(NamedTuple):
    own: bool
    """Whether a node's own features have weights of their own."""
    glorot: bool
    """Whether weights are drawn by Glorot's rule and biases are 0; else as torch's linear layers
    draw them."""


_KINDS = {
    "gcn": _Kind(own=False, glorot=True),
    "gin": _Kind(own=False, glorot=False),
    "cheb": _Kind(own=True, glorot=True),
    "sage": _Kind(own=True, glorot=False),
    "arma": _Kind(own=True, glorot=True),
    "graph": _Kind(own=True, glorot=False),
}


class Convolution(nn.Module):
    """P x W + b, and x V where the operation has it; of arma the ReLU of it."""

    linear_weights = ("idle",)

    def __init__(self, operation: str, inputs: int, outputs: int, degree: float) -> None:
        """Build with the initialisation of PyTorch Geometric; the degree is that of `adjacency`."""
        super().__init__()
        kind = _KINDS[operation]
        self.operation, self.degree = operation, degree
        self.neighbours = nn.Linear(inputs, outputs)
        self.own = nn.Linear(inputs, outputs, bias=False) if kind.own else None
        if kind.glorot:
            for linear in (self.neighbours, self.own):
                if linear is not None:
                    nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(self.neighbours.bias)
        if operation == "arma":
            # of further steps, of which the benchmark takes none; it counts among its parameters
            self.idle = nn.Parameter(nn.init.xavier_uniform_(torch.empty(outputs, outputs)))

    def forward(self, x: Tensor) -> Tensor:
        """(nodes, inputs) -> (nodes, outputs)."""
        matrix = torch.from_numpy(propagation(self.operation, len(x), self.degree)).to(x)
        out: Tensor = self.neighbours(matrix @ x)
        if self.own is not None:
            out = out + self.own(x)
        return functional.relu(out) if self.operation == "arma" else out


class Attention(nn.Module):
    """Attention of each node to its neighbours and itself, heads side by side."""

    linear_weights = ("sender", "receiver")

    def __init__(self, inputs: int, outputs: int, degree: float) -> None:
        """Build as `Convolution`; the outputs are those of all heads."""
        super().__init__()
        self.degree = degree
        self.linear = nn.Linear(inputs, outputs, bias=False)
        width = outputs // HEADS
        self.sender = nn.Parameter(nn.init.xavier_uniform_(torch.empty(HEADS, width)))
        self.receiver = nn.Parameter(nn.init.xavier_uniform_(torch.empty(HEADS, width)))
        self.bias = nn.Parameter(torch.zeros(outputs))
        nn.init.xavier_uniform_(self.linear.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(nodes, inputs) -> (nodes, outputs)."""
        values = self.linear(x).unflatten(1, (HEADS, -1))
        of_receiver = (values * self.receiver).sum(-1)
        of_sender = (values * self.sender).sum(-1)
        scores = functional.leaky_relu(of_receiver[:, None] + of_sender[None], _SLOPE)
        joined = torch.from_numpy(propagation("gat", len(x), self.degree) > 0).to(x.device)
        chances = scores.masked_fill(~joined[:, :, None], -torch.inf).softmax(1)
        return torch.einsum("ijh,jhc->ihc", chances, values).flatten(1) + self.bias


def operation_of(name: str, inputs: int, outputs: int, degree: float) -> nn.Module:
    """Build an operation by its name."""
    if name == "gat":
        return Attention(inputs, outputs, degree)
    if name == "fc":
        return nn.Linear(inputs, outputs)
    return nn.Identity() if name == "skip" else Convolution(name, inputs, outputs, degree)
