"""Indicators since 2024 against slow versions, written from their formulas with plain autograd."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, Reading, measure, read
from untrained.indicators.jets.jet import NoRule
from untrained.indicators.quantities.equal_channels import EqualChannels
from untrained.spaces import Network, spaces

EXACT = 1e-9
"""Float64 arithmetic in another order."""
CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"
DEAD = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|none~2|"
UNREACHED = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|nor_conv_1x1~1|none~2|"
"""One layer does not reach the logits."""


def cell_network(cell: str = CELL) -> Network:
    return spaces["nasbench201"].build(cell, num_classes=4, channels=3, cells=1).double()


def reading(name: str, net: nn.Module, *batches: tuple[Tensor, Tensor | None]) -> Reading:
    with Measurement(net, batches) as m:
        return read(m, [name])[name]


def score(name: str, net: nn.Module, x: Tensor, y: Tensor | None = None) -> float:
    return measure(net, x, y, [name])[name]


def layers(net: nn.Module) -> list[nn.Module]:
    return [module for module in net.modules() if isinstance(module, _ConvNd | nn.Linear)]


def second(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return x.flip(0) * 0.7 + 0.1, y.flip(0)


def weight_gradients(net: nn.Module, x: Tensor, y: Tensor) -> list[np.ndarray]:
    net.zero_grad()
    functional.cross_entropy(net.train()(x.clone()), y).backward()
    found = [layer.weight.grad.numpy().copy() for layer in layers(net)]
    net.zero_grad()
    return found


# RCor and WRCor


def responses(
    net: nn.Module, x: Tensor, value: Callable[[Tensor], Tensor]
) -> list[tuple[nn.Module, np.ndarray, np.ndarray | None]]:
    """Module, input and gradient at the input of each application of an nn.ReLU."""
    found: list[list] = []

    class Seen(torch.autograd.Function):
        @staticmethod
        def forward(ctx, tensor, place):
            ctx.place = place
            return tensor.clone()

        @staticmethod
        def backward(ctx, gradient):
            found[ctx.place][2] = gradient.numpy().copy()
            return gradient, None

    def before(module, args):
        found.append([module, args[0].detach().numpy().copy(), None])
        return (Seen.apply(args[0], len(found) - 1),)

    relus = [module for module in net.modules() if isinstance(module, nn.ReLU)]
    handles = [module.register_forward_pre_hook(before) for module in relus]
    value(net.train()(x.clone().requires_grad_())).backward()
    for handle in handles:
        handle.remove()
    net.zero_grad()
    return [tuple(one) for one in found]


def slow_correlation(rows: np.ndarray) -> np.ndarray:
    rows = rows.reshape(len(rows), -1)
    found = np.empty((len(rows), len(rows)))
    for i, a in enumerate(rows):
        for j, b in enumerate(rows):
            a0, b0 = a - a.mean(), b - b.mean()
            with np.errstate(invalid="ignore", divide="ignore"):
                found[i, j] = (a0 * b0).sum() / np.sqrt((a0 * a0).sum() * (b0 * b0).sum())
    return found


def slow_wrcor(net: nn.Module, x: Tensor, y: Tensor, *, weighed: bool) -> float:
    total = np.zeros((len(x), len(x)))
    for module, inputs, gradient in responses(net, x, lambda z: functional.cross_entropy(z, y)):
        weight = 1.0
        if weighed:
            cells = [i for i, cell in enumerate(net.cells) if module in set(cell.modules())]
            weight = 2.0 ** (cells[0] if cells else len(net.cells))
        for rows in (inputs, gradient):
            if rows is not None and not np.isnan(matrix := slow_correlation(rows)).any():
                total += weight * np.abs(matrix)
    return float(np.log(abs(np.linalg.det(total))))


def test_rcor_is_a_sum_of_correlations(x: Tensor, y: Tensor) -> None:
    for cell in (CELL, DEAD):
        net = cell_network(cell)
        assert score("rcor", net, x, y) == pytest.approx(
            slow_wrcor(net, x, y, weighed=False), rel=EXACT
        )


def test_wrcor_doubles_the_weight_from_cell_to_cell(x: Tensor, y: Tensor) -> None:
    net = cell_network()
    assert score("wrcor", net, x, y) == pytest.approx(
        slow_wrcor(net, x, y, weighed=True), rel=EXACT
    )
    assert score("wrcor", net, x, y) != pytest.approx(score("rcor", net, x, y), rel=1e-3)


def test_rcor_of_two_samples_is_a_closed_form() -> None:
    # x_1 = (1, -1), x_2 = (1, -2): correlation 1 of two places; one weight, gradients (g, 0)
    net = nn.Sequential(nn.ReLU(), nn.Linear(2, 2)).double()
    x = torch.tensor([[1.0, -1.0], [1.0, -2.0]], dtype=torch.float64)
    # both correlation matrices are of ones up to sign: K = 2 (1 1^T) is singular
    assert reading("rcor", net, (x, torch.tensor([0, 0]))).value < -30


# EZNAS


def test_eznas_squashes_determinants_of_gradient_signs(x: Tensor) -> None:
    net = cell_network()
    norms = []
    for _, inputs, gradient in responses(net, x, torch.sum):
        squashed = []
        for matrix in (
            np.zeros_like(inputs).reshape(-1, *inputs.shape[2:])
            if gradient is None
            else (np.sign(gradient).reshape(-1, *inputs.shape[2:]))
        ):
            full = np.linalg.matrix_rank(matrix) == len(matrix)
            determinant = round(np.linalg.det(matrix)) if full else 0
            # sigmoid(ln d) = d / (1 + d); the logarithm of a negative one counts as 0
            squashed.append(0.5 if determinant < 0 else determinant / (1 + determinant))
        norms.append(math.sqrt(sum(value**2 for value in squashed)))
    assert np.mean(norms) > 0
    assert score("eznas", net, x) == pytest.approx(np.mean(norms), rel=1e-6)


# L-SWAG, ZiCo-BC, KNAS


def test_l_swag_is_trainability_times_the_number_of_patterns(
    network: nn.Module, x: Tensor, y: Tensor
) -> None:
    batches = [(x, y), second(x, y)]
    total = 0.0
    for gradients in zip(*(weight_gradients(network, *batch) for batch in batches), strict=True):
        inverse = 0.0
        for values in zip(*(g.ravel() for g in gradients), strict=True):
            deviation = np.std(np.abs(values))
            inverse += 1 / deviation if deviation > 0 else 0
        total += math.log(inverse) if inverse > 0 else 0
    found = reading("l_swag", network, *batches)
    patterns = score("swap_signs", network, x)
    assert found.value == pytest.approx(total * patterns, rel=1e-6)  # small differences of sizes


def test_zico_bc_takes_the_maps_off_zico(network: nn.Module, x: Tensor, y: Tensor) -> None:
    penalty = []

    def note(module: nn.Module, args: object, out: Tensor) -> None:
        places = float(np.prod(out.shape[2:]))
        penalty.append(math.log(places / math.sqrt(out.shape[1])))

    handles = [layer.register_forward_hook(note) for layer in layers(network)]
    network.train()(x.clone())
    for handle in handles:
        handle.remove()
    batches = [(x, y), second(x, y)]
    plain, found = (reading(name, network, *batches).value for name in ("zico", "zico_bc"))
    assert found == pytest.approx(plain - sum(penalty), rel=EXACT)


def test_knas_is_the_mean_of_a_gram_matrix(network: nn.Module, x: Tensor, y: Tensor) -> None:
    """One backward pass a sample, of its loss in the pass of the batch, and all pairs of them."""
    losses = functional.cross_entropy(network.train()(x.clone()), y, reduction="none")
    weights = [layer.weight for layer in layers(network)]
    rows = [torch.autograd.grad(loss, weights, retain_graph=True) for loss in losses]
    means = [
        np.mean([[float((a[k] * b[k]).sum()) for a in rows] for b in rows])
        for k in range(len(weights))
    ]
    assert score("knas", network, x, y) == pytest.approx(np.mean(means), rel=EXACT)


# Epsilon


def constant(net: nn.Module, weight: float) -> nn.Module:
    for module in net.modules():
        if isinstance(module, _ConvNd | nn.Linear | _BatchNorm):
            nn.init.constant_(module.weight, weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return net


def test_epsilon_compares_two_networks_of_constant_weights(x: Tensor) -> None:
    found = score("epsinas", cell_network(), x)
    p = []
    for weight in (1e-7, 1.0):
        logits = constant(cell_network(), weight).train()(x.clone()).detach()
        assert torch.allclose(logits, logits[:, :1].expand_as(logits), rtol=EXACT)
        out = logits[:, 0].repeat_interleave(4).numpy()  # equal but for rounding
        p.append((out - out.min()) / (out.max() - out.min()))
    p = np.where(np.array(p) == 0, np.nan, p)
    assert found == pytest.approx(np.nanmean(np.abs(p[0] - p[1])) / np.nanmean(p), rel=EXACT)
    assert found > 0


def test_epsilon_in_float32_is_that_of_outputs_that_do_not_underflow(x: Tensor) -> None:
    x = x.float()
    shallow = cell_network().float()
    p = []
    for weight in (1e-7, 1.0):
        out = constant(shallow, weight).train()(x.clone()).detach()[:, 0].numpy()
        p.append((out - out.min()) / (out.max() - out.min()))
    p = np.where(np.array(p) == 0, np.nan, p)
    found = score("epsinas_float32", cell_network().float(), x)
    assert found == pytest.approx(np.nanmean(np.abs(p[0] - p[1])) / np.nanmean(p), rel=1e-4)
    # seven weights of 1e-7 make outputs of 1e-49, which is 0 in float32
    deep = nn.Sequential(*(nn.Conv2d(3, 3, 1, bias=False) for _ in range(7)), nn.Flatten())
    assert score("epsinas", deep, x) > 0
    under = reading("epsinas_float32", deep, (x, None))
    assert (under.status, "with all weights 1e-07 all outputs are 0" in under.reason) == (
        "diverged",
        True,
    )


def note_step(seen: list[int], module: nn.Module, args: object, out: Tensor) -> None:
    seen.append(out.stride(1))


def test_equal_channels_are_computed_once(x: Tensor) -> None:
    class Grouped(nn.Module):
        """Depthwise convolutions, biases, sums and a residual."""

        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 6, 3, padding=1)
            self.depthwise = nn.Conv2d(6, 6, 3, stride=2, padding=2, dilation=2, groups=6)
            self.norm, self.relu = nn.BatchNorm2d(6), nn.ReLU()
            self.wide, self.last = nn.Conv2d(6, 8, 1, bias=False), nn.Linear(8, 5)

        def forward(self, x: Tensor) -> Tensor:
            stem = self.norm(self.stem(x))
            x = self.relu(stem) + stem
            x = self.wide(functional.avg_pool2d(self.norm(self.depthwise(x)), 2))
            return self.last(x.mean((2, 3)))

    networks: list[nn.Module] = [Grouped().double().train(), cell_network(DEAD).train()]
    networks += [
        spaces[name].build(arch, num_classes=3, channels=4, cells=1).double().train()
        for name in ("darts", "nasbench101", "mobilenetv2", "nds_resnext-a")
        for arch in [spaces[name].sample(np.random.default_rng(1))]
    ]
    for net in networks:
        state = {
            name: torch.tensor(0.7 if "bias" in name else 0.3).double().expand(parameter.shape)
            for name, parameter in net.named_parameters()
        }
        seen: list[int] = []
        with torch.no_grad():
            full = functional_call(net, {k: v.contiguous() for k, v in state.items()}, (x.clone(),))
            for module in net.modules():
                if isinstance(module, nn.Conv2d):
                    module.register_forward_hook(partial(note_step, seen))
            with EqualChannels():
                one = functional_call(net, state, (x.clone(),))
        assert torch.allclose(one, full, rtol=EXACT)
        assert set(seen) == {0}


def test_epsilon_of_a_network_that_writes_to_its_maps(x: Tensor) -> None:
    class Gated(nn.Module):
        def __init__(self, inplace: bool) -> None:
            super().__init__()
            self.inplace = inplace
            self.stem, self.norm = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6)
            self.last = nn.Linear(6, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.norm(self.stem(x))
            gate = torch.arange(1.0, 7).view(-1, 1, 1)
            return self.last((x.mul_(gate) if self.inplace else x * gate).relu().mean((2, 3)))

    found = [score("epsinas", Gated(inplace).double(), x) for inplace in (False, True)]
    assert found[1] == pytest.approx(found[0], rel=EXACT)


def rectified_half(net: nn.Module, x: Tensor) -> Tensor:
    first, second = x[:, :2], x[:, 2:]
    functional.relu(first, inplace=True)
    return torch.cat([first, second], 1)


def added_half(net: nn.Module, x: Tensor) -> Tensor:
    first, second = x[:, :2], x[:, 2:]
    second += first
    return torch.cat([first, second], 1)


def cleared_channel(net: nn.Module, x: Tensor) -> Tensor:
    x[:, 0] = 0
    return net.second(x)


def clamped_weight(net: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        net.second.weight.clamp_(-1, 1)
    return net.second(x)


def input_in_place(net: nn.Module, x: Tensor) -> Tensor:
    return x.add_(1.0).mul_(torch.arange(1.0, 5).view(-1, 1, 1))


@pytest.mark.parametrize(
    "way",
    [
        *(rectified_half, added_half, cleared_channel, clamped_weight, input_in_place),
        lambda net, x: functional.conv2d(input=x, weight=net.second.weight, padding=1),
        lambda net, x: functional.avg_pool2d(input=net.second(x), kernel_size=2),
        lambda net, x: torch.add(input=x, other=net.second(x)),
        lambda net, x: x * functional.linear(x.permute(0, 2, 3, 1), net.row_weight)[:, None],
    ],
)
def test_epsilon_of_any_network_is_that_of_whole_maps(
    x: Tensor, way: Callable[[nn.Module, Tensor], Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ways(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, padding=1)
            self.last, self.row_weight = nn.Linear(4, 5), nn.Parameter(torch.ones(4))

        def forward(self, x: Tensor) -> Tensor:
            return self.last(torch.tanh(way(self, self.first(x)) / 20).mean((2, 3)))

    before = x.clone()
    found = score("epsinas", Ways().double(), x)
    assert torch.equal(x, before)
    monkeypatch.setattr(
        EqualChannels, "__torch_function__", lambda self, f, t, a=(), k=None: f(*a, **(k or {}))
    )
    assert found == pytest.approx(score("epsinas", Ways().double(), x), rel=1e-6)
    assert found > 1e-3


def test_epsilon_is_diverged_where_all_outputs_are_the_same(x: Tensor) -> None:
    dead = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    found = reading("epsinas", cell_network(dead), (x, None))
    assert (found.status, "all outputs are" in found.reason) == ("diverged", True)


# RBFleX


def test_rbflex_is_two_gaussian_kernels_of_three_images(x: Tensor) -> None:
    net = cell_network()
    features: list[list[np.ndarray]] = []
    for image in x[:3]:
        seen: list[np.ndarray] = []
        handles = [
            module.register_forward_hook(
                lambda module, args, out, seen=seen: seen.append(out.detach().numpy())
            )
            for module in net.modules()
            if isinstance(module, nn.ReLU)
        ]
        last: list[np.ndarray] = []
        handles.append(
            net.classifier.register_forward_pre_hook(
                lambda module, args, last=last: last.append(args[0].detach().numpy())
            )
        )
        net.train()(image[None].clone())
        for handle in handles:
            handle.remove()
        features.append([np.concatenate([s.ravel() for s in seen]), last[0].ravel()])
    total = 0.0
    for place, gamma in enumerate((2.68690173088039e-12, 1.02460061284506e-11)):
        rows = np.stack([one[place] for one in features])
        span = rows.max(0) - rows.min(0)
        scaled = (rows - rows.min(0)) / np.where(span > 0, span, 1)
        # exp(-a) with a about 1e-9: det of 3 x 3 is -(a^2 + b^2 + c^2) + 2 (ab + bc + ca) + O(a^3)
        a, b, c = (
            gamma * ((scaled[i] - scaled[j]) ** 2).sum() for i, j in ((0, 1), (0, 2), (1, 2))
        )
        total += math.log(2 * (a * b + b * c + c * a) - a * a - b * b - c * c)
    assert score("rbflex", net, x) == pytest.approx(3 * total, rel=1e-6)


def test_rbflex_of_equal_images_is_the_worst(x: Tensor) -> None:
    assert reading("rbflex", cell_network(), (x[:1].expand(3, -1, -1, -1), None)).value == -math.inf


# SNR and T-CET


def slow_ratios(net: nn.Module, x: Tensor) -> list[float]:
    """Of the network with absolute weights and no normalisations."""
    handles = [
        module.register_forward_hook(lambda module, args, out: args[0])
        for module in net.modules()
        if isinstance(module, _BatchNorm)
    ]
    kept = [p.detach().clone() for p in net.parameters()]
    for p in net.parameters():
        p.data.abs_()
    net.zero_grad()
    net.train()(torch.ones_like(x[:1])).sum().backward()
    ratios = []
    for layer in layers(net):
        flow = (
            layer.weight.detach() * (0 if layer.weight.grad is None else layer.weight.grad)
        ).abs()
        flow = flow.numpy().ravel()
        deviation = flow.std(ddof=1)
        ratios.append(flow.sum() / (deviation if deviation > 0 else 1))
    net.zero_grad()
    for p, old in zip(net.parameters(), kept, strict=True):
        p.data.copy_(old)
    for handle in handles:
        handle.remove()
    return ratios


@pytest.mark.parametrize("cell", [CELL, UNREACHED])
def test_snr_and_all_modes_of_t_cet_are_sums_over_layers(cell: str, x: Tensor) -> None:
    net = cell_network(cell)
    ratios = slow_ratios(net, x)
    assert (0.0 in ratios) == (cell == UNREACHED)
    sizes: list[float] = []

    def note(module: nn.Module, args: object, out: Tensor) -> None:
        codes = (out.detach().numpy().reshape(len(out), -1) > 0).astype(float)
        kernel = codes @ codes.T + (1 - codes) @ (1 - codes.T)
        sign, size = np.linalg.slogdet(kernel)
        sizes.append(size if sign > 0 and np.linalg.matrix_rank(kernel) == len(kernel) else 0.0)

    handles = [layer.register_forward_hook(note) for layer in layers(net)]
    net.train()(x.clone())
    for handle in handles:
        handle.remove()
    deviation = np.std(ratios)
    modes = {
        "t_cet": lambda ratio: ratio,
        "t_cet_log": lambda ratio: math.log(ratio) if ratio else 0.0,
        "t_cet_log1p": lambda ratio: math.log(1 + ratio),
        "t_cet_norm": lambda ratio: ratio / deviation,
    }
    # in this network layers are called in the order in which they are registered, but for the
    # shortcuts of reductions, which are called last there and here
    expected = {
        name: sum(mode(r) * s for r, s in zip(ratios, sizes, strict=True))
        for name, mode in modes.items()
    }
    assert min(expected.values()) > 0
    found = measure(net, x, None, ["snr", *modes])
    assert found.pop("snr") == pytest.approx(sum(ratios), rel=EXACT)
    assert found == pytest.approx(expected, rel=1e-6)


# Dextr


def test_dextr_joins_singular_values_and_a_curvature(x: Tensor) -> None:
    net = cell_network()
    maps: list[np.ndarray] = []
    leaves = [module for module in net.modules() if not any(module.children())]
    handles = [
        module.register_forward_hook(lambda m, args, out: maps.append(out.detach().numpy()))
        for module in leaves
    ]
    net.train()(x[:1].clone())
    for handle in handles:
        handle.remove()
    ratios = 0.0
    for one in maps:
        if one.ndim == 4:
            s = np.linalg.svd(one[0].reshape(one.shape[1], -1), compute_uv=False)
            ratios += s[-1] / s[0] if s[0] > 0 else 0
    with Measurement(net, [(x, None)]) as m:
        draw = torch.randn(2, 192, generator=m.data_generator("dextr"), dtype=torch.float64).numpy()
        found = read(m, ["dextr"])["dextr"].value
    q, r = np.linalg.qr(draw.T)
    u, w = (q * np.sign(np.diag(r))).T

    def curve(angle: float) -> np.ndarray:
        point = torch.from_numpy(u * math.cos(angle) + w * math.sin(angle)).reshape(1, 3, 8, 8)
        with torch.no_grad():
            return net.train()(point).numpy()[0]

    step = 1e-5
    v = (curve(step) - curve(-step)) / (2 * step)
    a = (curve(step) - 2 * curve(0) + curve(-step)) / step**2
    curvature = math.sqrt((v @ v) * (a @ a) - (v @ a) ** 2) / (v @ v) ** 1.5
    s, e = math.log(1 + ratios), math.log(1 + curvature)
    assert found == pytest.approx(s * e / (s + e), rel=1e-3)  # of a second difference


def test_dextr_by_jets_is_dextr_by_autograd(x: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise NoRule("on purpose")

    net = cell_network()
    by_jets = score("dextr", net, x)
    monkeypatch.setattr("untrained.indicators.dextr._by_jets", refuse)
    assert score("dextr", net, x) == pytest.approx(by_jets, rel=EXACT)


def test_dextr_without_a_curvature_is_diverged(x: Tensor) -> None:
    dead = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    found = reading("dextr", cell_network(dead), (x, None))
    assert (found.status, "no curvature" in found.reason) == ("diverged", True)


# CRoZe and Robust-ZCP


def cosine(a: Tensor, b: Tensor) -> float:
    a, b = a.detach().numpy().ravel(), b.detach().numpy().ravel()
    size = math.sqrt((a * a).sum()) * math.sqrt((b * b).sum())
    return float((a * b).sum() / size) if size > 0 else 0.0


def test_croze_compares_a_network_with_its_perturbed_twin(x: Tensor, y: Tensor) -> None:
    net = cell_network()
    found = score("croze", net, x, y)
    for module in net.modules():
        if isinstance(module, _BatchNorm):
            module.register_forward_hook(lambda module, args, out: args[0])
    for p in net.parameters():
        p.data.abs_()
    of = layers(net)

    def run(inputs: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
        outputs: dict[int, Tensor] = {}
        handles = [
            layer.register_forward_hook(
                lambda m, args, out: outputs.__setitem__(id(m), out.clone())
            )
            for layer in of
        ]
        leaf = inputs.clone().requires_grad_()
        loss = functional.cross_entropy(net(leaf), y)
        for handle in handles:
            handle.remove()
        wanted = [*(layer.weight for layer in of), leaf]
        g = torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)
        return [outputs[id(layer)] for layer in of], list(g[:-1]), g[-1]

    clean = [layer.weight.detach().clone() for layer in of]
    f, g, _ = run(x)
    for layer, gradient in zip(of, g, strict=True):
        if gradient.norm() > 0:
            layer.weight.data += 2 * layer.weight.data.norm() * gradient / gradient.norm()
    _, _, slope = run(x)
    f_moved, g_moved, _ = run(x + 0.01 * slope.sign())
    expected = sum(
        (1 + cosine(w, layer.weight)) * abs(cosine(a, b)) * (1 + cosine(p, q))
        for w, layer, a, b, p, q in zip(clean, of, g, g_moved, f, f_moved, strict=True)
    )
    assert expected > 0
    assert found == pytest.approx(expected, rel=1e-6)


def test_robust_zcp_is_the_logarithm_of_the_paper_s_product(x: Tensor, y: Tensor) -> None:
    net = cell_network().eval()
    with Measurement(net, [(x, y)], batch_norm="eval") as m:
        found = read(m, ["robust_zcp"])["robust_zcp"].value

    def one(image: Tensor, label: Tensor) -> tuple[Tensor, list[Tensor]]:
        leaf = image[None].clone().requires_grad_()
        loss = functional.cross_entropy(net(leaf), label[None])
        large = [p for p in net.parameters() if p.numel() >= 50][:11]
        g = torch.autograd.grad(loss, [leaf, *large], allow_unused=True, materialize_grads=True)
        return g[0].flatten(), [t.flatten()[:50] for t in g[1:]]

    rows = [one(*pair) for pair in zip(x, y, strict=True)]
    kernel = np.mean(
        [
            np.mean([[float(a[1][k] @ b[1][k]) for a in rows] for b in rows])
            for k in range(len(rows[0][1]))
        ]
    )
    rough = []
    for image, label, (slope, _) in zip(x, y, rows, strict=True):
        z = slope.sign() / slope.sign().norm()
        moved, _ = one(image + 50 * z.reshape(image.shape), label)
        rough.append(float(((moved - slope) / 50).square().sum()))
    assert found == pytest.approx(-(5e6 * kernel + math.log(np.mean(rough))), rel=EXACT)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("wrcor", "the maps after the stem and each cell"),
        ("eznas", "applies no ReLU to a square map"),
    ],
)
def test_what_is_not_defined_is_refused(name: str, reason: str, x: Tensor, y: Tensor) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 6), nn.ReLU(), nn.Linear(6, 4)).double()
    with pytest.raises(Unsupported, match=reason):
        score(name, net, x, y)
