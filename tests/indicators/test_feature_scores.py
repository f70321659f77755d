"""Scores of activations and features against slow versions and closed forms."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, measure, read
from untrained.spaces import Network, spaces

EXACT = 1e-9
"""Float64 arithmetic in another order."""
ROUNDED_AWAY = 1e-12
"""An eigenvalue or logarithm that is zero on paper."""
SEED = 5
CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"
IDENTITY = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
ALL_NONE = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"

Codes = Callable[[nn.Module, Tensor], list[NDArray[np.bool_]]]


def score(name: str, net: nn.Module, x: Tensor) -> float:
    """Through a measurement of a known seed, so that draws can be repeated."""
    with Measurement(net, [(x, None)], seed=SEED) as m:
        reading = read(m, [name])[name]
    if reading.status == "unsupported":
        raise Unsupported(reading.reason)
    return reading.value


def draws(name: str, x: Tensor) -> torch.Generator:
    return Measurement(nn.Identity(), [(x, None)], seed=SEED).generator(name)


def cell_network(cell: str = CELL) -> Network:
    return spaces["nasbench201"].build(cell, num_classes=4, channels=3, cells=1).double()


def outputs(net: nn.Module, x: Tensor, chosen: Callable[[nn.Module], bool]) -> list[Tensor]:
    """What some modules return, and a functional ReLU in place."""
    seen: list[Tensor] = []
    net = copy.deepcopy(net).train()
    for module in net.modules():
        if chosen(module):
            module.register_forward_hook(
                lambda module, args, out: seen.append(out.detach().clone())
            )
    relu, of_module = functional.relu, nn.ReLU.forward

    def seen_relu(x: Tensor, inplace: bool = False) -> Tensor:
        out = relu(x, inplace)
        seen.append(out.clone())
        return out

    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(functional, "relu", seen_relu)
        patch.setattr(nn.ReLU, "forward", lambda self, x: relu(x, self.inplace))
        net(x.clone())
    assert nn.ReLU.forward is of_module
    return seen


@pytest.mark.parametrize("copies", [1, 30])
def test_swap_is_the_size_of_a_set_of_patterns(
    copies: int, x: Tensor, relu_codes_by_hooks: Codes
) -> None:
    """Also where a pattern does not fit one machine word (180 samples)."""
    generator = torch.Generator().manual_seed(2)
    many = torch.cat([x, torch.randn(6 * copies - 6, 3, 8, 8, generator=generator).double()])
    net = cell_network()
    codes = np.concatenate(relu_codes_by_hooks(net, many), axis=1)
    patterns = {column.tobytes() for column in np.ascontiguousarray(codes.T)}
    assert score("swap", net, many) == len(patterns)


def test_swap_of_any_network_counts_patterns(
    network: nn.Module, x: Tensor, relu_codes_by_hooks: Codes
) -> None:
    modules = np.concatenate(relu_codes_by_hooks(network, x), axis=1)
    patterns = {column.tobytes() for column in np.ascontiguousarray(modules.T)}
    found = score("swap", network, x)
    if any(type(module).__name__ == "Residual" for module in network.modules()):
        assert found >= len(patterns)  # a functional ReLU as well, which hooks do not see
    else:
        assert found == len(patterns)


def sized(parameters: int) -> nn.Module:
    """Two ReLU units and a parameter tensor that pads the network to a size."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 2), nn.ReLU())
    net.register_parameter("padding", nn.Parameter(torch.zeros(parameters - 386)))
    return net.double()


@pytest.mark.parametrize(
    ("parameters", "weight"),
    [
        (1_500_000, 1.0),
        (500_000, np.exp(-2 / 3)),
        (2_500_000, np.exp(-2 / 3)),
        (386, np.exp(-(1.499614**2) / 1.5)),
    ],
)
def test_regularised_swap_weighs_swap_by_a_bell_over_size(
    parameters: int, weight: float, x: Tensor
) -> None:
    net = sized(parameters)
    assert score("params", net, x) == parameters
    expected = score("swap", net, x) * weight
    assert expected > 0
    assert score("swap_regularised", net, x) == pytest.approx(expected, rel=EXACT)


def slow_smallest_eigenvalue(rows: Tensor) -> float:
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.nan_to_num(np.atleast_2d(np.corrcoef(rows.numpy())))
    return float(np.linalg.eigvalsh(correlation)[0])


def test_meco_adds_smallest_eigenvalues_of_leaves(network: nn.Module, x: Tensor) -> None:
    maps = (
        [
            out
            for out in outputs(network, x[:1], lambda module: not any(module.children()))
            if out.dim() == 4
        ]
        if not any(isinstance(module, nn.BatchNorm1d) for module in network.modules())
        else []
    )
    if not maps:
        with pytest.raises(Unsupported):
            score("meco", network, x)
        return
    expected = sum(slow_smallest_eigenvalue(out[0].flatten(1)) for out in maps if out.shape[2] > 1)
    assert score("meco", network, x) == pytest.approx(expected, rel=EXACT, abs=ROUNDED_AWAY)


def test_meco_opt_of_narrow_layers_is_meco(x: Tensor) -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 4)).double()
    assert score("meco_opt", net, x) == pytest.approx(score("meco", net, x), rel=EXACT)


def test_meco_opt_samples_eight_channels(x: Tensor) -> None:
    net = nn.Sequential(nn.Conv2d(3, 20, 3), nn.Flatten(), nn.Linear(720, 4)).double()
    (rows,) = (out[0].flatten(1) for out in outputs(net, x[:1], lambda n: isinstance(n, nn.Conv2d)))
    chosen = torch.randperm(20, generator=draws("meco_opt", x))[:8]
    expected = 20 / 8 * slow_smallest_eigenvalue(rows[chosen])
    assert score("meco_opt", net, x) == pytest.approx(expected, rel=EXACT)


def effective_rank(matrix: NDArray[np.float64]) -> float:
    values = np.linalg.svd(matrix, compute_uv=False)
    p = values / values.sum()
    p = p[p > 0]
    return float(np.exp(-(p * np.log(p)).sum()))


def test_near_adds_effective_ranks(network: nn.Module, x: Tensor) -> None:
    found = outputs(
        network, x, lambda module: hasattr(module, "weight") or isinstance(module, nn.ReLU)
    )
    generator = draws("near", x)
    expected = 0.0
    for out in found:
        rows = out.numpy() if out.dim() == 2 else out.movedim(1, 3).flatten(0, 2).numpy()
        size = rows.shape[1]
        start = 0
        if len(rows) // size > 1:
            start = int(torch.randint(len(rows) // size, (), generator=generator)) * size
        expected += effective_rank(rows[start : start + size])
    assert score("near", network, x) == pytest.approx(expected, rel=EXACT)


def test_the_effective_rank_of_an_orthogonal_layer_is_its_width() -> None:
    net = nn.Linear(4, 4, bias=False).double()
    net.weight.data = torch.eye(4, dtype=torch.float64)[[2, 0, 3, 1]]
    assert score("near", net, torch.eye(4, dtype=torch.float64)) == pytest.approx(4, rel=EXACT)


def test_a_layer_of_zeros_has_effective_rank_zero(x: Tensor) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 3)).double()
    for parameter in net.parameters():
        parameter.data.zero_()
    assert score("near", net, x) == 0


def block_maps(net: Network, x: Tensor) -> list[Tensor]:
    blocks = {id(net.stem), *map(id, net.cells)}  # type: ignore
    seen: list[Tensor] = []
    for module in (net.stem, *net.cells):  # type: ignore
        module.register_forward_hook(lambda module, args, out: seen.append(out.detach()))
    with torch.no_grad():
        net.train()(x)
    assert len(seen) == len(blocks)
    return seen


def entropy_of_components(features: Tensor) -> float:
    rows = features.movedim(1, 3).flatten(0, 2).numpy()
    values = np.linalg.eigvalsh(np.cov(rows.T))
    p = values / values.sum()
    return float(-(p * np.log(p + 1e-8)).sum())


def test_az_scores_are_sum_and_smallest_gain_of_entropies(x: Tensor) -> None:
    net = cell_network()
    entropies = [entropy_of_components(f) for f in block_maps(copy.deepcopy(net), x)]
    assert score("az_expressivity", net, x) == pytest.approx(sum(entropies), rel=EXACT)
    assert score("az_progressivity", net, x) == pytest.approx(np.diff(entropies).min(), rel=EXACT)


def test_az_trainability_is_the_mean_over_cells(x: Tensor) -> None:
    net = cell_network()
    generator = draws("az_trainability", x)
    maps = block_maps(copy.deepcopy(net), x)
    scores = []
    for number in range(len(net.cells) - 1, -1, -1):  # type: ignore
        signs = torch.bernoulli(torch.full(maps[number + 1].shape, 0.5), generator=generator)
        g_out = (signs * 2 - 1).double()
        before = maps[number].clone().requires_grad_()
        cell = copy.deepcopy(net.cells[number])  # type: ignore
        (cell(before) * g_out).sum().backward()  # type: ignore
        assert before.grad is not None
        g_in, ratio = before.grad, before.shape[-1] // g_out.shape[-1]
        total = np.zeros((g_in.shape[1] * ratio**2, g_out.shape[1]))
        positions = 0
        for b, i, j in np.ndindex(len(x), *g_out.shape[2:]):
            patch = g_in[b, :, i * ratio : (i + 1) * ratio, j * ratio : (j + 1) * ratio]
            total += np.outer(patch.flatten().numpy(), g_out[b, :, i, j].numpy())
            positions += 1
        s = np.linalg.svd(total / positions, compute_uv=False)[0]
        scores.append(2 - s - 1 / (s + 1e-6))
    assert score("az_trainability", net, x) == pytest.approx(np.mean(scores), rel=EXACT)


def test_az_trainability_of_an_identity_ranks_last(x: Tensor) -> None:
    assert score("az_trainability", cell_network(IDENTITY), x) == float("-inf")


def test_a_constant_map_has_no_components(x: Tensor) -> None:
    with Measurement(cell_network(ALL_NONE), [(x, None)]) as m:
        outcome = read(m, ["az_expressivity"])["az_expressivity"]
    assert outcome.status == "diverged"
    assert "constant" in outcome.reason


@pytest.mark.parametrize("name", ["az_expressivity", "az_progressivity", "az_trainability", "zen"])
def test_a_network_without_stages_has_no_such_score(
    name: str, network: nn.Module, x: Tensor
) -> None:
    with pytest.raises(Unsupported, match=r"stem|features"):
        score(name, network, x)


def redrawn(net: nn.Module, x: Tensor) -> tuple[nn.Module, Tensor, Tensor]:
    """A copy with the weights that Zen-Score draws, and its x and e."""
    generator = draws("zen", x)
    copied = copy.deepcopy(net).train()
    for module in copied.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            drawn = torch.randn(module.weight.shape, generator=generator)
            module.weight.data = drawn.double()
            if module.bias is not None:
                module.bias.data.zero_()
    images = torch.randn(x.shape, generator=generator).double()
    return copied, images, torch.randn(x.shape, generator=generator).double()


def norms_of(net: nn.Module) -> list[_BatchNorm]:
    return [module for module in net.modules() if isinstance(module, _BatchNorm)]


def test_zen_is_the_change_of_the_features_and_the_scales(x: Tensor) -> None:
    net = cell_network()
    copied, images, noise = redrawn(net, x)
    variances: list[float] = []
    handles = [
        norm.register_forward_pre_hook(
            lambda module, args: variances.append(args[0].numpy().var((0, 2, 3)).mean())
        )
        for norm in norms_of(copied)
    ]
    with torch.no_grad():
        before = copied.features(images)  # type: ignore[operator]
        for handle in handles:
            handle.remove()
        after = copied.features(images + 0.01 * noise)  # type: ignore[operator]
    change = np.mean([np.linalg.norm((b - a).numpy()) for a, b in zip(before, after, strict=True)])
    expected = np.log(change) + sum(np.log(np.sqrt(v)) for v in variances)
    assert score("zen", net, x) == pytest.approx(expected, rel=EXACT)


def test_released_zen_takes_absolute_changes_and_running_variances(x: Tensor) -> None:
    net = cell_network()
    copied, images, noise = redrawn(net, x)
    with torch.no_grad():
        net(images)  # running statistics that are no longer new do not matter
        before = copied.features(images)  # type: ignore[operator]
        after = copied.features(images + 0.01 * noise)  # type: ignore[operator]
    change = np.mean([np.abs((b - a).numpy()).sum() for a, b in zip(before, after, strict=True)])
    running = [norm.get_buffer("running_var").numpy() for norm in norms_of(copied)]
    scales = [np.log(variance.mean()) / 2 for variance in running]
    assert score("zen_released", net, x) == pytest.approx(np.log(change) + sum(scales), rel=EXACT)


def test_released_zen_needs_running_statistics(x: Tensor) -> None:
    net = cell_network()
    first = norms_of(net)[0]
    first.running_mean = first.running_var = None
    assert score("zen", net, x) == score("zen", cell_network(), x)
    with pytest.raises(Unsupported, match="running statistics"):
        score("zen_released", net, x)


def test_zen_of_a_linear_map_is_known(x: Tensor) -> None:
    class Linear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 1, 1)

        def features(self, x: Tensor) -> Tensor:
            out: Tensor = self.conv(x)
            return out

        def forward(self, x: Tensor) -> Tensor:
            return self.features(x).mean((2, 3))

    generator = draws("zen", x)
    w = torch.randn(1, 3, 1, 1, generator=generator).double()
    torch.randn(x.shape, generator=generator)
    e = torch.randn(x.shape, generator=generator).double()
    change = 0.01 * (w * e).sum(1).flatten(1).norm(dim=1).mean()
    assert score("zen", Linear().double(), x) == pytest.approx(float(change.log()), rel=EXACT)


def test_zen_of_features_that_do_not_move_ranks_last(x: Tensor) -> None:
    assert score("zen", cell_network(ALL_NONE), x) == float("-inf")


def slow_vkdnw(net: nn.Module, x: Tensor, *, released: bool = False) -> float:
    net = copy.deepcopy(net).eval()
    information = np.zeros(2 * [min(128, len(list(net.parameters())))])
    for b in range(len(x)):
        logits = net(x[b : b + 1].clone())[0]
        rows = []
        for logit in logits:
            net.zero_grad()
            logit.backward(retain_graph=True)
            rows.append([float(p.grad.flatten()[0]) for p in list(net.parameters())[:128]])  # type: ignore
        p = 0.95 * torch.softmax(logits, 0).detach().numpy() + 0.05 / len(logits)
        jacobian = np.array(rows)
        covariance = np.diag(p) - np.outer(p, p)
        if released:
            factor = factor_of_singular(covariance)
            np.testing.assert_allclose(factor @ factor.T, covariance, atol=1e-12)
            covariance = factor.T @ factor
        information += jacobian.T @ covariance @ jacobian / len(x)
    values = np.linalg.eigvalsh(information).clip(min=0)
    deciles = np.quantile(values, np.arange(1, 10) / 10)
    q = deciles / deciles.sum()
    q = q[q > 0]
    return float(len(list(net.parameters())) - (q * np.log(q)).sum())


def factor_of_singular(covariance: np.ndarray) -> np.ndarray:
    """Lower triangular, of a matrix all of whose rows sum to zero."""
    factor = np.zeros_like(covariance)
    factor[:-1, :-1] = np.linalg.cholesky(covariance[:-1, :-1])
    factor[-1, :-1] = np.linalg.solve(factor[:-1, :-1], covariance[:-1, -1])
    return factor


EIGENVALUES = 1e-6
"""The smallest deciles of a spectrum over many orders carry its absolute error."""


def test_vkdnw_is_that_of_single_backward_passes(network: nn.Module, x: Tensor) -> None:
    expected = slow_vkdnw(network, x)
    assert score("vkdnw", network, x) == pytest.approx(expected, rel=EIGENVALUES)


def test_vkdnw_of_a_cell_network_is_that_of_single_backward_passes(x: Tensor) -> None:
    net = cell_network()
    assert score("vkdnw", net, x) == pytest.approx(slow_vkdnw(net, x), rel=EIGENVALUES)


def test_the_released_vkdnw_is_that_of_single_backward_passes(x: Tensor) -> None:
    net = cell_network()
    found = score("vkdnw_released", net, x)
    assert found == pytest.approx(slow_vkdnw(net, x, released=True), rel=EIGENVALUES)
    assert abs(found - score("vkdnw", net, x)) > 1e-3


def test_vkdnw_does_not_feel_an_earlier_training_pass(x: Tensor, y: Tensor) -> None:
    net = cell_network()
    alone = measure(net, x, y, ["vkdnw"])["vkdnw"]
    assert measure(net, x, y, ["grad_norm", "vkdnw"])["vkdnw"] == alone
