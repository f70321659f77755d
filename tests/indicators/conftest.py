"""Small networks of every kind that indicators meet, with weights of a seed."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

BATCH = 6


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def same_weights_every_time() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(3)  # the layers draw their weights from the global generator
        yield


@pytest.fixture
def x() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(BATCH, 3, 8, 8, generator=generator, dtype=torch.float64)


@pytest.fixture
def y() -> Tensor:
    return torch.tensor([0, 1, 2, 3, 0, 1])


def conv_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 4),
    )


def conv_net_without_batch_norm() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 5, 3, stride=2),
        nn.ReLU(),
        nn.Conv2d(5, 5, 3, groups=5),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(5, 4),
    )


def mlp() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(192, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4)
    )


def mlp_with_batch_norm() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(192, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 4)
    )


class Residual(nn.Module):
    """One ReLU module applied three times, once in place; a convolution applied twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.again = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.activation = nn.ReLU()
        self.head = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.activation(self.stem(x))
        for _ in range(2):
            x = self.activation(x + self.norm(self.again(x)))
        logits: Tensor = self.head(functional.relu(x - 0.1, inplace=True).mean((2, 3)))
        return logits


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "conv_net": conv_net,
    "conv_net_without_batch_norm": conv_net_without_batch_norm,
    "mlp": mlp,
    "mlp_with_batch_norm": mlp_with_batch_norm,
    "shared_modules": Residual,
}


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> nn.Module:
    built: nn.Module = NETWORKS[request.param]().double()
    return built


@pytest.fixture
def relu_codes_by_hooks() -> Callable[[nn.Module, Tensor], list[NDArray[np.bool_]]]:
    """Codes of every application of an nn.ReLU, seen by hooks on the modules."""

    def codes(net: nn.Module, x: Tensor) -> list[NDArray[np.bool_]]:
        seen: list[NDArray[np.bool_]] = []

        def hook(module: nn.Module, args: tuple[Any, ...]) -> None:
            seen.append((args[0].detach().flatten(1) > 0).numpy().copy())

        handles = [
            module.register_forward_pre_hook(hook)
            for module in net.modules()
            if isinstance(module, nn.ReLU)
        ]
        with torch.no_grad():
            net.train()(x.clone())
        for handle in handles:
            handle.remove()
        return seen

    return codes
