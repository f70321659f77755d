"""The scores of the papers' released code on four fixed networks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from untrained.indicators import Measurement, measure
from untrained.indicators.quantities.relu_kernels import relu_kernels
from untrained.spaces import Network, spaces

FOLDER = Path(__file__).parent
INPUTS = dict(np.load(FOLDER / "inputs.npz"))
SCORES = dict(np.load(FOLDER / "scores.npz"))
WEIGHTS = dict(np.load(FOLDER / "weights_infer.npz"))
ARCHS = [str(text) for text in INPUTS["archs"]]

EXACT = 1e-9
"""Float64 arithmetic in another order."""
MULTIPLE_OF_GAP = 20
"""A float32 run adds up in another order than the original's, so its error is another sample of
the same distribution as the original's own gap between its float32 and float64 run."""
FLOAT32_FLOOR = 1e-6
"""Where that gap happens to vanish: ten float32 epsilons."""
ONE_FLIPPED_RELU = 1e-3
"""Other convolution kernels round otherwise, and of 1e5 ReLU inputs one may change its sign; a
gradient jumps there (4e-4 was measured)."""

SAME_DEFINITION = {
    "grad_norm": "dxy_grad_norm",
    "snip": "dxy_snip",
    "synflow": "dxy_synflow",
    "jacov": "dxy_jacob_cov",
}

Data = tuple[Tensor, Tensor]


def network(place: int, dtype: torch.dtype) -> Network:
    built = spaces["nasbench201"].build(ARCHS[place], num_classes=10, channels=4, cells=1)
    prefix = f"{place}/"
    state = {
        key.removeprefix(prefix): torch.from_numpy(array)
        for key, array in WEIGHTS.items()
        if key.startswith(prefix)
    }
    missing, unexpected = built.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(key.split(".")[-1].startswith(("running_", "num_batches")) for key in missing)
    return built.to(dtype)


def data(dtype: torch.dtype) -> Data:
    return torch.from_numpy(INPUTS["x"]).to(dtype), torch.from_numpy(INPUTS["y"])


def golden(key: str, place: int, precision: str = "f8") -> float:
    values = SCORES.get(f"{key}.{precision}", SCORES[f"{key}.f4"])
    return float(values[place])


def kernel_of_last_relu(net: Network, x: Tensor) -> NDArray[np.float64]:
    with torch.no_grad():
        codes = (net.features(x).flatten(1) > 0).double().numpy()
    return codes @ codes.T + (1 - codes) @ (1 - codes).T


every_architecture = pytest.mark.parametrize("place", range(len(ARCHS)))


@every_architecture
def test_naswot_kernel_is_the_originals_once_its_double_counting_is_undone(place: int) -> None:
    net = network(place, torch.float64)
    x, _ = data(torch.float64)
    with Measurement(net, [(x, None)]) as m:
        kernels = [kernel.agreeing.numpy() for kernel in relu_kernels(m)]
    last = kernel_of_last_relu(net, x)
    np.testing.assert_array_equal(kernels[-1], last)
    # the original counts every ReLU twice but the last: its wrapper module matches as well
    np.testing.assert_array_equal(2 * sum(kernels) - last, SCORES["naswot_kernel_K.f4"][place])


@every_architecture
def test_naswot_is_the_originals_once_its_double_counting_is_undone(place: int) -> None:
    net = network(place, torch.float64)
    x, _ = data(torch.float64)
    original = SCORES["naswot_kernel_K.f4"][place].astype(np.float64)
    assert np.linalg.slogdet(original)[1] == pytest.approx(
        golden("naswot_hook_logdet", place), rel=EXACT
    )
    once = (original + kernel_of_last_relu(net, x)) / 2
    score = measure(net, x, None, ["naswot"])["naswot"]
    assert score == pytest.approx(np.linalg.slogdet(once)[1], rel=EXACT)


@every_architecture
@pytest.mark.parametrize("name", SAME_DEFINITION)
def test_score_in_float64_is_the_originals(name: str, place: int) -> None:
    key = SAME_DEFINITION[name]
    x, y = data(torch.float64)
    score = measure(network(place, torch.float64), x, y, [name])[name]
    assert score == pytest.approx(golden(key, place), rel=EXACT)


@every_architecture
@pytest.mark.parametrize("name", SAME_DEFINITION)
def test_score_in_float32_is_within_rounding_of_the_originals(name: str, place: int) -> None:
    key = SAME_DEFINITION[name]
    exact = golden(key, place)
    gap = abs(golden(key, place, "f4") - exact) / abs(exact)
    x, y = data(torch.float32)
    net = network(place, torch.float32)
    fast_layout = measure(net, x, y, [name])[name]
    assert fast_layout == pytest.approx(exact, rel=ONE_FLIPPED_RELU)
    net.memory_format = torch.contiguous_format  # what the original ran in
    score = measure(net, x, y, [name])[name]
    assert score == pytest.approx(exact, rel=max(MULTIPLE_OF_GAP * gap, FLOAT32_FLOOR))


def plain_loss_gradients(net: nn.Module, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    net.zero_grad()
    functional.cross_entropy(net.train()(x), y).backward()
    return {name: p.grad for name, p in net.named_parameters() if p.grad is not None}


def plain_nasi(net: nn.Module, x: Tensor, y: Tensor) -> float:
    return sum(float((g**2).sum()) for g in plain_loss_gradients(net, x, y).values())


def weight_names(net: nn.Module) -> list[str]:
    layers = (nn.Conv2d, nn.Linear)
    return [f"{name}.weight" for name, layer in net.named_modules() if isinstance(layer, layers)]


def plain_grad_norm(net: nn.Module, x: Tensor, y: Tensor) -> float:
    gradients = plain_loss_gradients(net, x, y)
    return sum(float(np.sqrt((gradients[n].numpy() ** 2).sum())) for n in weight_names(net))


def plain_snip(net: nn.Module, x: Tensor, y: Tensor) -> float:
    gradients = plain_loss_gradients(net, x, y)
    weights = dict(net.named_parameters())
    return sum(float((gradients[n] * weights[n]).detach().abs().sum()) for n in weight_names(net))


def plain_synflow(net: nn.Module, x: Tensor, y: Tensor) -> float:
    for name, module in list(net.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            parent, _, last = name.rpartition(".")
            setattr(net.get_submodule(parent), last, nn.Identity())
    for parameter in net.parameters():
        parameter.data = parameter.data.abs()
    net.zero_grad()
    net(torch.ones_like(x[:1])).sum().backward()
    weights = dict(net.named_parameters())
    total = 0.0
    for name in weight_names(net):
        weight = weights[name]
        total += 0.0 if weight.grad is None else float((weight.data * weight.grad).abs().sum())
    return total


def plain_jacov(net: nn.Module, x: Tensor, y: Tensor) -> float:
    x = x.clone().requires_grad_()
    net.train()(x).sum().backward()
    assert x.grad is not None
    values = np.linalg.eigvalsh(np.corrcoef(x.grad.flatten(1).numpy()))
    return float(-sum(np.log(v + 1e-5) + 1 / (v + 1e-5) for v in values))


def plain_naswot(net: nn.Module, x: Tensor, y: Tensor) -> float:
    codes: list[NDArray[np.bool_]] = []
    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(
                lambda module, args, out: codes.append((args[0].flatten(1) > 0).numpy())
            )
    with torch.no_grad():
        net.train()(x)
    c = np.concatenate(codes, axis=1)
    kernel = [[float((a == b).sum()) for b in c] for a in c]
    return float(np.linalg.slogdet(np.array(kernel))[1])


PLAIN: dict[str, Callable[[nn.Module, Tensor, Tensor], float]] = {
    "naswot": plain_naswot,
    "nasi": plain_nasi,
    "grad_norm": plain_grad_norm,
    "snip": plain_snip,
    "synflow": plain_synflow,
    "jacov": plain_jacov,
}
ELSEWHERE = {
    "an_all_zero_node": "|none~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+"
    "|none~0|nor_conv_1x1~1|skip_connect~2|",
    "convolutions_only": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+"
    "|nor_conv_1x1~0|nor_conv_3x3~1|nor_conv_3x3~2|",
    "no_convolution": "|skip_connect~0|+|avg_pool_3x3~0|none~1|+"
    "|skip_connect~0|avg_pool_3x3~1|skip_connect~2|",
}


@pytest.mark.parametrize("text", ELSEWHERE.values(), ids=ELSEWHERE)
@pytest.mark.parametrize("name", PLAIN)
def test_score_of_an_architecture_outside_the_folder_is_that_of_a_plain_version(
    name: str, text: str
) -> None:
    assert text not in ARCHS
    torch.manual_seed(8)  # the layers draw their weights from the global generator
    net = spaces["nasbench201"].build(text, num_classes=10, channels=4, cells=1).double()
    x, y = data(torch.float64)
    score = measure(net, x, y, [name])[name]
    assert score == pytest.approx(PLAIN[name](net, x, y), rel=EXACT)


@every_architecture
def test_nasi_is_the_squared_gradient_of_all_parameters(place: int) -> None:
    net = network(place, torch.float64)
    x, y = data(torch.float64)
    score = measure(net, x, y, ["nasi"])["nasi"]
    assert score == pytest.approx(plain_nasi(net, x, y), rel=EXACT)
