"""One function with the same weights, written in two ways, has one score."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, prune
from torch.utils.checkpoint import checkpoint

from untrained.indicators import Measurement, Need, indicators, read

ROUNDED = 1e-6
"""Float64, some spellings in another order of sums."""
WIDTH, CLASSES = 8, 4
OF_WEIGHTS = ["snip", "grad_norm", "plain", "l2_norm", "fisher", "depth", "synflow", "zico", "near"]
OF_ACTIVATIONS = ["naswot", "naswot_live", "swap", "linear_regions"]
OF_THE_REST = ["grasp", "jacov", "epe_nas", "flops", "meco", "logsynflow"]
OF_NORMS = ["ntk_condition", "ntk_condition_frozen"]
OF_CODES = ["t_cet", "t_cet_norm"]
LATER = ["l_swag", "zico_bc", "rcor", "knas", "snr", *OF_CODES, "croze", "epsinas", "rbflex"]
NAMES = [*OF_WEIGHTS, *OF_ACTIVATIONS, *OF_THE_REST, *OF_NORMS, *LATER, "dextr", "eznas"]


class Own(nn.Module):
    """A layer whose weight is its own parameter, applied by some function."""

    def __init__(self, layer: nn.Module, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.w, self.b, self.function = layer.weight, layer.bias, function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, self.w, self.b)


class InSlices(nn.Module):
    """The first half of the channels of a larger layer."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.cat([layer.weight.detach(), layer.weight.detach() * 3]))
        self.b = nn.Parameter(torch.cat([layer.bias.detach(), layer.bias.detach() * 3]))

    def forward(self, x: Tensor) -> Tensor:
        n = len(self.w) // 2
        if self.w.dim() == 4:
            return functional.conv2d(x, self.w[:n], self.b[:n], padding=1)
        return functional.linear(x, self.w[:n], self.b[:n])


def masked(layer: nn.Module) -> nn.Module:
    prune.random_unstructured(layer, "weight", 0.0)
    return layer


def masked_by_hand(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda x, w, b: function(x, w * torch.ones_like(w), b)


def conv(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return functional.conv2d(x, w, b, padding=1)


def unfolded(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    columns = functional.unfold(x, 3, padding=1)
    return (w.flatten(1) @ columns).view(len(x), len(w), *x.shape[2:]) + b[:, None, None]


def sample_by_sample(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return torch.stack([functional.conv2d(one, w, b, padding=1) for one in x])


CONVOLUTIONS = {
    "module": lambda layer: layer,
    "function": lambda layer: Own(layer, conv),
    "weight norm": parametrizations.weight_norm,
    "old weight norm": torch.nn.utils.weight_norm,
    "pruning mask": masked,
    "mask by hand": lambda layer: Own(layer, masked_by_hand(conv)),
    "slice": InSlices,
    "unfold": lambda layer: Own(layer, unfolded),
    "sample by sample": lambda layer: Own(layer, sample_by_sample),
    "bias apart": lambda layer: Own(
        layer, lambda x, w, b: functional.conv2d(x, w, padding=1) + b[:, None, None]
    ),
}
LINEAR = {
    "module": lambda layer: layer,
    "function": lambda layer: Own(layer, functional.linear),
    "matmul": lambda layer: Own(layer, lambda x, w, b: x @ w.T + b),
    "addmm": lambda layer: Own(layer, lambda x, w, b: torch.addmm(b, x, w.t())),
    "einsum": lambda layer: Own(layer, lambda x, w, b: torch.einsum("bi,oi->bo", x, w) + b),
    "weight norm": parametrizations.weight_norm,
    "pruning mask": masked,
    "mask by hand": lambda layer: Own(layer, masked_by_hand(functional.linear)),
    "slice": InSlices,
}
RELUS = {
    "function": functional.relu,
    "module": nn.ReLU(),
    "in place": lambda x: functional.relu(x, inplace=True),
    "clamp": lambda x: x.clamp(min=0),
    "maximum": lambda x: torch.maximum(x, torch.zeros_like(x)),
    "threshold": nn.Threshold(0.0, 0.0),
    "product": lambda x: x * (x > 0),
    "where": lambda x: torch.where(x > 0, x, 0.0),
}


def normalised(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = ((x - mean) ** 2).mean((0, 2, 3), keepdim=True)
    return (x - mean) / torch.sqrt(variance + 1e-5) * w[:, None, None] + b[:, None, None]


def with_moments(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    variance, mean = torch.var_mean(x, (0, 2, 3), correction=0, keepdim=True)
    return (x - mean) * (variance + 1e-5) ** -0.5 * w[:, None, None] + b[:, None, None]


def by_torch(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return torch.batch_norm(x, w, b, None, None, True, 0.1, 1e-5, False)


NORMS = {
    "module": lambda layer: layer,
    "function": lambda layer: Own(
        layer, lambda x, w, b: functional.batch_norm(x, None, None, w, b, training=True)
    ),
    "torch": lambda layer: Own(layer, by_torch),
    "written out": lambda layer: Own(layer, normalised),
    "with moments": lambda layer: Own(layer, with_moments),
}
REPARAMETRISED = {"weight norm", "old weight norm"}
"""Other parameters, which what looks at parameters and not at weights sees."""
OF_FLOW = {"synflow", "logsynflow", "snr", *OF_CODES, "croze"}
"""What bypasses normalisations."""
OF_PLAIN_WEIGHTS = {"snr", *OF_CODES, "croze", "epsinas"}
"""What takes no weight that is computed of parameters."""
REFUSED = {
    **{way: OF_FLOW | {*OF_NORMS, "near", "epsinas"} for way in ("written out", "with moments")},
    "sample by sample": {"near", "fisher", "zico_bc", *OF_CODES, "croze"},
    **dict.fromkeys(REPARAMETRISED | {"pruning mask", "mask by hand", "slice"}, OF_PLAIN_WEIGHTS),
}
"""What cannot be read, by the indicators that would have to."""


class Net(nn.Module):
    def __init__(self, ways: dict[str, str]) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(1)
            layers = [nn.Conv2d(3, WIDTH, 3, padding=1), nn.Conv2d(WIDTH, WIDTH, 3, padding=1)]
            head = nn.Linear(WIDTH, CLASSES)
            self.norm = NORMS[ways["norm"]](nn.BatchNorm2d(WIDTH))
        self.first, self.second = layers[0], CONVOLUTIONS[ways["conv"]](layers[1])
        self.head = LINEAR[ways["linear"]](head)
        self.relu, self.ways = RELUS[ways["relu"]], ways
        self.double()

    def stage(self, x: Tensor) -> Tensor:
        before = functional.relu(self.first(x))
        after = self.norm(self.second(before))
        if self.ways["sum"] == "in place":
            after += before
        else:
            after = after + before
        return self.relu(after)

    def forward(self, x: Tensor) -> Tensor:
        if self.ways["checkpoint"] == "yes":
            x = checkpoint(self.stage, x, use_reentrant=False)
        else:
            x = self.stage(x)
        return self.head(x.mean((2, 3)))


PLAIN = {
    "conv": "module",
    "linear": "module",
    "relu": "function",
    "norm": "module",
    "sum": "apart",
    "checkpoint": "no",
}


def batches() -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    y = torch.arange(8) % CLASSES
    return [(torch.randn(8, 3, 6, 6, generator=generator).double(), y) for _ in range(2)]


def scores(network: nn.Module, names: list[str]) -> dict[str, float | str]:
    with Measurement(network, batches()) as m:
        readings = read(m, names)
    for reading in readings.values():
        assert reading.status in ("ok", "unsupported"), reading
    return {n: r.value if r.status == "ok" else r.reason for n, r in readings.items()}


def compare(
    first: dict[str, float | str], second: dict[str, float | str], refusable: set[str]
) -> None:
    for name, right in first.items():
        assert isinstance(right, float), (name, right)
        found = second[name]
        if isinstance(found, str):
            assert name in refusable, (name, found)
        else:
            assert found == pytest.approx(right, rel=ROUNDED, abs=1e-9), name


@pytest.fixture(scope="module")
def plain() -> dict[str, float | str]:
    return scores(Net(PLAIN), NAMES)


WAYS = {
    "conv": sorted(CONVOLUTIONS),
    "linear": sorted(LINEAR),
    "relu": sorted(RELUS),
    "norm": sorted(NORMS),
    "sum": ["apart", "in place"],
    "checkpoint": ["no", "yes"],
}


def check_ways(plain: dict[str, float | str], ways: dict[str, str]) -> None:
    other = set(OF_NORMS) if {ways["conv"], ways["linear"]} & REPARAMETRISED else set()
    names = [name for name in NAMES if name not in other]
    refused = set().union(*(REFUSED.get(way, set()) for way in ways.values()))
    found = scores(Net(ways), names)
    compare({name: plain[name] for name in names}, found, refused)
    assert {name for name, value in found.items() if isinstance(value, str)} == refused - other


@pytest.mark.parametrize(
    ("part", "way"), [(part, way) for part in WAYS for way in WAYS[part] if way != PLAIN[part]]
)
def test_one_part_written_otherwise_keeps_the_scores(plain, part, way):
    check_ways(plain, PLAIN | {part: way})


@settings(
    max_examples=8,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.fixed_dictionaries({part: st.sampled_from(ways) for part, ways in WAYS.items()}))
def test_parts_written_otherwise_keep_the_scores(plain, ways):
    check_ways(plain, ways)


D, TOKENS = 8, 9


class Attention(nn.Module):
    """Tokens of patches, one attention, a classifier."""

    def __init__(self, way: str) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(2)
            self.patches, self.qkv = nn.Conv2d(3, D, 2, 2), nn.Linear(D, 3 * D)
            self.proj, self.head = nn.Linear(D, D), nn.Linear(D, CLASSES)
        self.way = way
        if way.startswith("module"):
            qkv, proj, head = self.qkv, self.proj, self.head
            del self.qkv, self.proj, self.head
            self.attention = nn.MultiheadAttention(D, 2, batch_first="last" not in way)
            self.attention.in_proj_weight, self.attention.in_proj_bias = qkv.weight, qkv.bias
            self.attention.out_proj.weight, self.attention.out_proj.bias = proj.weight, proj.bias
            self.head = head
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        t = self.patches(x).flatten(2).transpose(1, 2)
        if self.way.startswith("module"):
            if "last" in self.way:
                t = t.transpose(0, 1)
            weights = "weights" in self.way
            out = self.attention(t, t, t, need_weights=weights)[0]
            return self.head((t + out).mean(0 if "last" in self.way else 1))
        q, k, v = self.qkv(t).reshape(len(t), -1, 3, 2, D // 2).permute(2, 0, 3, 1, 4)
        if self.way == "fused":
            a = functional.scaled_dot_product_attention(q, k, v)
        else:
            a = (q @ k.transpose(-2, -1) / (D // 2) ** 0.5).softmax(-1) @ v
        return self.head((t + self.proj(a.transpose(1, 2).flatten(2))).mean(1))


@pytest.mark.parametrize(
    "way", ["fused", "module", "module, weights", "module, batch last", "module, weights, last"]
)
def test_attention_written_otherwise_has_the_same_scores(way):
    later = ["knas", "zico_bc", "snr", "croze", "epsinas", "dextr"]
    of_attention = [n for n, item in indicators.items() if Need.ATTENTION in item.needs]
    missing = {"activation_distance", "w_pca"}  # this network has no feed-forward layer
    others = [name for name in of_attention if name not in missing]
    names = [*OF_WEIGHTS, "grasp", "jacov", "nasi", "flops", "ntk_condition", *later, *others]
    written, other = Attention("written"), Attention(way)
    x = batches()[0][0]
    torch.testing.assert_close(written(x), other(x))
    compare(scores(written, names), scores(other, names), set())


def test_a_projection_of_three_layers_counts_as_one_weight_each():
    """Scores that add weights up are those of the fused layer; those that add layers up are not."""

    class Three(Attention):
        def __init__(self) -> None:
            super().__init__("written")
            fused = self.qkv
            self.qkv = Parts([nn.Linear(D, D).double() for _ in range(3)])
            for layer, w, b in zip(
                self.qkv, fused.weight.chunk(3), fused.bias.chunk(3), strict=True
            ):
                layer.weight.data, layer.bias.data = w.detach().clone(), b.detach().clone()

    class Parts(nn.ModuleList):
        def forward(self, t: Tensor) -> Tensor:
            return torch.cat([layer(t) for layer in self], -1)

    names = ["snip", "plain", "synflow", "nasi", "jacov", "flops", "depth"]
    compare(scores(Attention("written"), names), scores(Three(), names), set())


def test_what_the_account_does_not_cover_is_named(x, y):
    class Generalised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)
            self.power = nn.Parameter(torch.tensor(3.0))
            self.double()

        def forward(self, x: Tensor) -> Tensor:
            pooled = functional.relu(self.conv(x)).clamp(min=1e-6).pow(self.power).mean((2, 3))
            return self.head(pooled ** (1 / self.power))

    for name in ("snip", "l2_norm", "synflow", "fisher", "zico", "near"):
        reason = scores(Generalised(), [name])[name]
        assert "'power' enters the network by `pow`" in str(reason)
    found = scores(Generalised(), ["nasi", "ntk_condition"])
    assert all(isinstance(value, float) for value in found.values())


def test_a_product_written_out_may_be_of_a_weight(x, y):
    class Written(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w, self.head = nn.Parameter(torch.randn(5, 108).double()), nn.Linear(5, 4).double()

        def forward(self, x: Tensor) -> Tensor:
            return self.head(functional.relu((x.flatten(1)[:, None] * self.w).sum(-1)))

    for name in ("snip", "ntk_condition"):
        assert "'w' enters the network by `mul`" in str(scores(Written(), [name])[name])


def test_a_weight_used_where_gradients_are_off_is_not_taken_for_zero():
    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)
            self.double()

        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                x = functional.relu(self.conv(x))
            return self.head(x.mean((2, 3)))

    unknown = ["snip", "jacov", "nasi", "ntk_condition", "naswot_live"]
    found = scores(Frozen(), [*unknown, "naswot"])
    for name in unknown:
        text = str(found[name])
        assert "gradients are switched off" in text or "are switched off, as within" in text, name
    assert isinstance(found["naswot"], float)


def test_recurrent_layers_have_saliencies_but_no_outputs_of_each_map():
    class Recurrent(nn.Module):
        def __init__(self, kind: type[nn.Module]) -> None:
            super().__init__()
            self.layer, self.head = kind(18, 5, batch_first=True), nn.Linear(5, 4)
            self.double()

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.layer(x.permute(0, 2, 1, 3).flatten(2))[0][:, -1])

    for kind in (nn.RNN, nn.GRU, nn.LSTM):
        network = Recurrent(kind)
        found = scores(network, ["snip", "fisher", "depth", "near"])
        x, y = batches()[0]
        loss = functional.cross_entropy(network(x), y)
        weights = [p for p in network.parameters() if p.dim() > 1]
        gradients = torch.autograd.grad(loss, weights)
        right = sum(
            float((w.detach() * g).abs().sum()) for w, g in zip(weights, gradients, strict=True)
        )
        assert found["snip"] == pytest.approx(right, rel=ROUNDED)
        for name in ("fisher", "depth", "near"):
            assert "applies several linear maps inside" in str(found[name])


def test_scripted_networks_are_refused_where_nothing_can_be_seen():
    scripted = torch.jit.trace(Net(PLAIN), batches()[0][0], check_trace=False)
    found = scores(scripted, ["snip", "depth", "flops", "naswot", "nasi", "jacov"])
    expected = scores(Net(PLAIN), ["naswot", "nasi", "jacov"])
    for name in ("snip", "depth", "flops"):
        assert "scripted or traced" in str(found[name]), found[name]
    for name, right in expected.items():
        assert found[name] == pytest.approx(right, rel=ROUNDED), name


@torch.jit.script
def scripted_product(x: Tensor, w: Tensor) -> Tensor:
    return x @ w


@pytest.mark.parametrize(
    ("product", "text"),
    [
        (lambda x, w: (x[:, None] * w.T).sum(-1), "enters the network by `mul`"),
        (scripted_product, "by an operation that is not seen"),
        (lambda x, w: torch.vmap(lambda v: v @ w)(x), "within torch.func"),
        (lambda x, w: x @ w.detach(), "where gradients are switched off"),
        (lambda x, w: -torch.cdist(x, w), "enters the network by `cdist`"),
        (lambda x, w: (x.to(torch.cdouble) @ torch.complex(w, w)).real, "complex numbers"),
    ],
    ids=["broadcast", "scripted", "vmap", "detached", "distance", "complex"],
)
def test_a_weight_that_is_not_known_is_named_and_the_rest_is_measured(product, text):
    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)
            self.w = nn.Parameter(torch.randn(8, 8) * 0.3)
            self.double()

        def forward(self, x: Tensor) -> Tensor:
            return self.head(product(functional.relu(self.conv(x)).mean((2, 3)), self.w))

    found = scores(Hidden(), ["snip", "l2_norm", "fisher", "depth", "synflow", "jacov", "nasi"])
    for name in ("snip", "l2_norm", "fisher", "depth", "synflow"):
        assert text in str(found[name]), (name, found[name])
    assert isinstance(found["jacov"], float)
    assert isinstance(found["nasi"], float)
