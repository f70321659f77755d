import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.spaces import spaces
from untrained.spaces.nasbench101.space import NASBench101


@pytest.fixture
def nasbench101() -> NASBench101:
    found = spaces["nasbench101"]
    assert isinstance(found, NASBench101)
    return found


def slow_forward(state: dict[str, Tensor], text: str, channels: int, x: Tensor) -> Tensor:
    """Two cells a stack from the weights, the adjacency matrix and the paper's text."""
    digits, triangle = text.split(":")
    last = len(digits) + 1
    entries = iter(triangle)
    matrix = {(i, j): next(entries) == "1" for i in range(last + 1) for j in range(i + 1, last + 1)}

    def block(y: Tensor, name: str) -> Tensor:
        weight = state[f"{name}.0.weight"]
        y = F.conv2d(y, weight, padding=weight.shape[-1] // 2)
        mean = y.mean((0, 2, 3), keepdim=True)
        var = ((y - mean) ** 2).mean((0, 2, 3), keepdim=True)
        gain, shift = (state[f"{name}.1.{p}"].view(1, -1, 1, 1) for p in ("weight", "bias"))
        return (gain * (y - mean) / torch.sqrt(var + 1e-5) + shift).clamp(min=0)

    def pool(y: Tensor) -> Tensor:
        padded = F.pad(y, (1, 1, 1, 1), value=-torch.inf)
        return padded.unfold(2, 3, 1).unfold(3, 3, 1).amax((-1, -2))

    def widths(total: int) -> list[int]:
        joined = [v for v in range(1, last) if matrix[v, last]]
        found = [0] * last
        for _ in range(total):  # deal the channels out one by one
            if joined:
                found[min(joined, key=lambda v: found[v])] += 1
        for v in range(last - 1, 0, -1):
            if not matrix[v, last]:
                found[v] = max(found[w] for w in range(v + 1, last) if matrix[v, w])
        return found

    def cell(y: Tensor, name: str, total: int) -> Tensor:
        wide = widths(total)
        values: dict[int, Tensor] = {}
        for v in range(1, last):
            summands = [values[s][:, : wide[v]] for s in range(1, v) if matrix[s, v]]
            if matrix[0, v]:
                summands.append(block(y, f"{name}.projections.{v}"))
            z = torch.stack(summands).sum(0)
            values[v] = pool(z) if digits[v - 1] == "2" else block(z, f"{name}.operations.{v - 1}")
        parts = [values[v] for v in range(1, last) if matrix[v, last]]
        through = block(y, f"{name}.projections.{last}") if matrix[0, last] else None
        if not parts:
            assert through is not None
            return through
        out = torch.cat(parts, 1)
        return out if through is None else out + through

    x = block(x, "stem")
    for stack in range(3):
        if stack:
            b, c, h, w = x.shape
            x = x.view(b, c, h // 2, 2, w // 2, 2).amax((3, 5))
        for index in range(2):
            x = cell(x, f"cells.{2 * stack + index}", channels * 2**stack)
    return x.mean((2, 3)) @ state["classifier.weight"].T + state["classifier.bias"]


def test_forward_is_that_of_a_plain_reimplementation(nasbench101: NASBench101) -> None:
    rng = np.random.default_rng(0)
    texts = [nasbench101.sample(rng).text for _ in range(6)]
    for given in [*texts, ":1", "2:111", "0220:111110000100101"]:
        text = nasbench101.parse(given).text
        network = nasbench101.build(text, num_classes=5, channels=5, cells=2).double()
        for parameter in network.parameters():
            parameter.data.add_(0.1 * torch.randn_like(parameter))
        x = torch.randn(4, 3, 8, 8, dtype=torch.float64)
        state = {k: v.clone() for k, v in network.state_dict().items()}
        with torch.no_grad():
            expected = slow_forward(state, text, 5, x)
            torch.testing.assert_close(network(x), expected, rtol=1e-9, atol=1e-11)


def test_stages_are_the_ends_of_the_stacks(nasbench101: NASBench101) -> None:
    network = nasbench101.build("0:111", num_classes=7, channels=4, cells=1).eval()
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        stages = network.stages(x)
        features = network.features(x)
        logits = network(x)
    assert [tuple(s.shape) for s in stages] == [(2, 4, 32, 32), (2, 8, 16, 16), (2, 16, 8, 8)]
    assert torch.equal(features, stages[-1])
    classifier = network.get_submodule("classifier")
    torch.testing.assert_close(logits, classifier(features.mean((2, 3))))


def test_initialisation_is_that_of_the_published_scores(nasbench101: NASBench101) -> None:
    network = nasbench101.build("01:111111", num_classes=10, channels=32, cells=1)
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 4000:
            fan_out = module.weight[0, 0].numel() * module.out_channels
            # the spread of n normal draws is known to 1 / sqrt(2n); five of them
            relative = 5 / np.sqrt(2 * module.weight.numel())
            assert float(module.weight.detach().std()) == pytest.approx(
                np.sqrt(2 / fan_out), rel=float(relative)
            )
    classifier = network.get_submodule("classifier")
    assert isinstance(classifier, nn.Linear)
    assert 0.008 < float(classifier.weight.detach().std()) < 0.012
    assert not classifier.bias.any()


def test_every_convolution_is_followed_by_a_relu_that_is_called(nasbench101: NASBench101) -> None:
    network = nasbench101.build("012:1110001101", num_classes=3, channels=6, cells=2)
    called: list[Tensor] = []
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda _, args, out: called.append(args[0]))
    with torch.no_grad():
        network(torch.randn(2, 3, 8, 8))
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    # the stem; three projections and two convolving vertices in each of six cells
    assert len(called) == len(convolutions) == 1 + 6 * 5
    assert all(x.ndim == 4 for x in called)
