"""Indicators of attention against slow computations from hooks and written-out formulas."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from untrained.foundation import Unsupported
from untrained.harness.contract.fixtures import Attentive, attentive_network, images
from untrained.indicators import Measurement, read
from untrained.indicators.quantities.attention import mixings
from untrained.spaces import spaces


def score(network: nn.Module, x: Tensor, name: str) -> float:
    with Measurement(network, [(x, None)]) as m:
        reading = read(m, [name])[name]
    assert reading.status == "ok", reading.reason
    return reading.value


@pytest.fixture
def network() -> Attentive:
    return attentive_network().eval()


X = images()


def recorded(network: Attentive, x: Tensor) -> dict[str, list[Tensor]]:
    """Outputs of the layers by their last name, and probabilities."""
    found: dict[str, list[Tensor]] = {}
    handles = [
        module.register_forward_hook(
            lambda _, args, out, name=name: found.setdefault(name.split(".")[-1], []).append(out)
        )
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear)
    ]
    network(x)
    for handle in handles:
        handle.remove()
    return found


def probabilities(qkv: Tensor) -> Tensor:
    q, k, _ = (p.reshape(*p.shape[:2], 2, 3).transpose(1, 2) for p in qkv.chunk(3, -1))
    chances = torch.zeros(len(q), 2, q.shape[2], q.shape[2], dtype=q.dtype)
    for b in range(len(q)):
        for head in range(2):
            for i in range(q.shape[2]):
                weights = [math.exp(float(q[b, head, i] @ row)) for row in k[b, head]]
                chances[b, head, i] = torch.tensor(weights, dtype=q.dtype) / sum(weights)
    return chances


def test_confidences(network: Attentive) -> None:
    of_heads = recorded(network, X)["qkv"]
    wanted = sum(out.max(1).values.mean().item() for out in of_heads)
    assert score(network, X, "attention_confidence") == pytest.approx(wanted)
    wanted = sum(float(probabilities(out).max(1).values.mean()) for out in of_heads)
    assert score(network, X, "softmax_confidence") == pytest.approx(wanted)


def gradients(network: Attentive) -> dict[str, tuple[Tensor, Tensor]]:
    """Weight and central differences of the sum of the logits, for every weight of two axes."""
    found = {}
    step = 1e-5
    for name, weight in network.named_parameters():
        if weight.dim() != 2:
            continue
        slope = torch.zeros_like(weight)
        with torch.no_grad():
            for place in np.ndindex(*weight.shape):
                kept = weight[place].clone()
                weight[place] = kept + step
                above = network(X[:3]).sum()
                weight[place] = kept - step
                below = network(X[:3]).sum()
                weight[place] = kept
                slope[place] = (above - below) / (2 * step)
        found[name] = weight.detach(), slope
    return found


def test_scores_of_the_gradient(network: Attentive) -> None:
    slopes = gradients(network)

    def of(*names: str) -> list[tuple[Tensor, Tensor]]:
        return [pair for name, pair in slopes.items() if name.split(".")[-2] in names]

    def saliency(*names: str) -> float:
        return sum(float((w * g).abs().sum()) for w, g in of(*names))

    def nuclear(matrix: Tensor) -> float:
        return float(torch.linalg.svdvals(matrix).sum())

    softmaxes = [functional.softmax(g, 0) ** 2 for _, g in of("qkv")]
    pairs = zip(of("qkv"), softmaxes, strict=True)
    squares = [float((w**2).mean() + s.mean()) for (w, _), s in pairs]
    wanted = {
        "head_importance": saliency("qkv"),
        "synaptic_saliency": saliency("enter", "leave"),
        "synaptic_diversity": sum(nuclear(w) * nuclear(g) for w, g in of("qkv", "projection")),
        "lpzero": sum(squares) / 2,
    }
    for name, value in wanted.items():
        assert score(network, X[:3], name) == pytest.approx(value, rel=1e-5), name


def test_scores_of_absolute_weights(network: Attentive) -> None:
    ones = torch.ones(1, 3, 8, 8, dtype=torch.float64)
    absolute = attentive_network().eval()
    with torch.no_grad():
        for parameter in absolute.parameters():
            parameter.abs_()
    absolute(ones).sum().backward()
    attention, others, linear = 0.0, 0.0, 0.0
    lengths = 0.0
    for name, module in absolute.named_modules():
        if not isinstance(module, nn.Linear | nn.Conv2d):
            continue
        w, g = module.weight.detach(), module.weight.grad
        assert g is not None
        if name.endswith(("qkv", "projection")):
            attention += float(torch.linalg.svdvals(w).sum() * torch.linalg.svdvals(g).sum())
            lengths += float(g.abs().sum())
            continue
        others += float((w * g).abs().sum())
        linear += float(torch.sigmoid(g).mean()) if isinstance(module, nn.Linear) else 0.0
    assert score(network, X, "dss") == pytest.approx(attention + others, rel=1e-6)
    assert score(network, X, "autoprox_a") == pytest.approx(lengths + linear)


def test_principal_components(network: Attentive) -> None:
    components = 0
    for hidden in recorded(network, X)["enter"]:
        rows = hidden.detach().reshape(-1, hidden.shape[-1]).numpy()
        variances = np.sort(np.linalg.eigvalsh(np.cov(rows, rowvar=False)))[::-1]
        share, count = 0.0, 0
        while share <= 0.99:
            share += variances[count] / variances.sum()
            count += 1
        components += count
    params = sum(p.numel() for p in network.parameters())
    assert score(network, X, "w_pca") == params * components


def test_activation_distance(network: Attentive) -> None:
    wanted = 0.0
    for hidden in recorded(network, X)["enter"]:
        codes = (functional.gelu(hidden[0]) > 0).double()
        wanted += float((codes @ codes.T + (1 - codes) @ (1 - codes).T).sum())
    assert score(network, X, "activation_distance") == wanted


class Wrapped(nn.Module):
    """A layer between two linear maps."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.first, self.layer, self.last = nn.Linear(6, 8), layer, nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(self.layer(self.first(x)).mean(1))
        return out


class TorchAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.attention(x, x, x)[0]
        return out


class Fused(nn.Module):
    """Causal attention by torch's own function, of the weights of a `TorchAttention`."""

    def __init__(self, *, plain: bool = False) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(8, 8) for _ in range(4))
        self.plain = plain

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            layer(x).unflatten(-1, (2, 4)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        if self.plain:
            later = torch.full((x.shape[1],) * 2, -torch.inf, dtype=x.dtype).triu(1)
            mixed = functional.softmax(q @ k.transpose(-1, -2) / 2 + later, dim=-1) @ v
        else:
            mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return out


TOKENS = torch.randn(4, 5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
NAMES = (
    "attention_confidence",
    "softmax_confidence",
    "head_importance",
    "synaptic_diversity",
    "lpzero",
)


def test_attention_of_torch_is_attention_written_out() -> None:
    torch.manual_seed(0)
    fused = Wrapped(Fused()).double()
    plain = Wrapped(Fused(plain=True)).double()
    plain.load_state_dict(fused.state_dict())
    for name in NAMES:
        one, other = (score(network, TOKENS, name) for network in (fused, plain))
        assert one == pytest.approx(other, rel=1e-7), name


@pytest.mark.parametrize(
    "layer",
    [TorchAttention(), nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)],
    ids=["MultiheadAttention", "TransformerEncoderLayer"],
)
def test_modules_of_torch(layer: nn.Module) -> None:
    with Measurement(Wrapped(layer).double(), [(TOKENS, None)]) as m:
        (one,) = mixings(m).all
        assert one.kind == "attention"
        assert [tuple(a.shape) for a in one.entering] == [(24, 8)]
        assert [tuple(a.shape) for a in one.leaving] == [(8, 8)]
        assert one.probabilities is not None
        sums = one.probabilities.reshape(4, 2, 5, 5).sum(-1)
        torch.testing.assert_close(sums, torch.ones_like(sums))
        hidden = [tuple(a.shape) for a in mixings(m).feed_forward]
    assert hidden == ([(16, 8), (8, 16)] if isinstance(layer, nn.TransformerEncoderLayer) else [])


def test_the_mixings_of_flexibert() -> None:
    space = spaces["flexibert"]
    layers = [
        {"operation_type": kind, "operation_parameter": how}
        for kind, how in (("SA", "WMA"), ("LT", "DFT"), ("DSC", 5), ("LT", "DCT"))
    ]
    common = {"feed_forward_dimension": 512, "num_feed_forward": 1, "num_operation_heads": 4}
    text = str({"hidden_size": 256, "encoder_layers": [one | common for one in layers]})
    network = space.build(text.replace("'", '"'), num_classes=2, channels=1, cells=5)
    with Measurement(network, [(torch.randint(1, 9, (2, 6)), None)]) as m:
        found = [(one.kind, [a.shape[0] for a in one.entering]) for one in mixings(m).all]
        assert len(mixings(m).feed_forward) == 4 * 2 + 2  # two convolutions of the key
    assert sorted(found, key=str) == [
        ("attention", [16] * 4),
        ("attention", [8] * 3),
        ("transform", [16]),
        ("transform", [16]),
        ("window", [10, 8]),
    ]


def test_a_transform_alone_has_no_probabilities() -> None:
    layer = '{"feed_forward_dimension":512,"num_feed_forward":1,"num_operation_heads":2,'
    layer += '"operation_parameter":"DFT","operation_type":"LT"}'
    text = f'{{"hidden_size":256,"encoder_layers":[{layer},{layer}]}}'
    network = spaces["flexibert"].build(text, num_classes=2, channels=1, cells=5)
    words = torch.randint(1, 9, (2, 6))
    with Measurement(network, [(words, None)]) as m:
        readings = read(m, ["attention_confidence", "softmax_confidence", "dss"])
    assert readings["attention_confidence"].status == "ok"
    assert "without attention" in readings["softmax_confidence"].reason
    assert "real numbers" in readings["dss"].reason


def test_a_network_without_attention_says_so() -> None:
    network = nn.Sequential(nn.Linear(6, 4), nn.GELU(), nn.Flatten(), nn.Linear(20, 3)).double()
    with Measurement(network, [(TOKENS, None)]) as m, pytest.raises(Unsupported) as caught:
        mixings(m)
    assert "the network has no attention" in str(caught.value)
