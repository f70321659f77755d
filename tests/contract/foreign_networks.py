"""Networks as people bring them, small: each with the names of its linear maps' weights."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

CLASSES, D = 4, 8


class Block(nn.Module):
    """Pre-norm attention and a multilayer perceptron."""

    def __init__(self, norm: Callable[[int], nn.Module] = nn.LayerNorm, attention: str = "module"):
        super().__init__()
        self.n1, self.n2 = norm(D), norm(D)
        self.f1, self.f2 = nn.Linear(D, 2 * D), nn.Linear(2 * D, D)
        self.way = attention
        if attention == "module":
            self.attention = nn.MultiheadAttention(D, 2, batch_first=True)
        else:
            self.qkv, self.proj = nn.Linear(D, 3 * D), nn.Linear(D, D)

    def attend(self, t: Tensor) -> Tensor:
        if self.way == "module":
            return self.attention(t, t, t, need_weights=False)[0]
        q, k, v = self.qkv(t).reshape(len(t), -1, 3, 2, D // 2).permute(2, 0, 3, 1, 4)
        a = functional.scaled_dot_product_attention(q, k, v)
        return self.proj(a.transpose(1, 2).flatten(2))

    def forward(self, t: Tensor) -> Tensor:
        t = t + self.attend(self.n1(t))
        return t + self.f2(functional.gelu(self.f1(self.n2(t))))


class ViT(nn.Module):
    def __init__(self, norm: Callable[[int], nn.Module] = nn.LayerNorm, attention: str = "module"):
        super().__init__()
        self.patches, self.head = nn.Conv2d(3, D, 4, 4), nn.Linear(D, CLASSES)
        self.token = nn.Parameter(torch.zeros(1, 1, D))
        self.places = nn.Parameter(torch.randn(1, 17, D) * 0.02)
        self.blocks = nn.Sequential(Block(norm, attention), Block(norm, attention))
        self.norm = norm(D)

    def forward(self, x: Tensor) -> Tensor:
        t = self.patches(x).flatten(2).transpose(1, 2)
        t = torch.cat([self.token.expand(len(t), -1, -1), t], 1) + self.places
        return self.head(self.norm(self.blocks(t))[:, 0])


class BERT(nn.Module):
    """An encoder of words, (B, 10) whole numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(20, D), nn.Embedding(10, D)
        self.norm, self.drop = nn.LayerNorm(D), nn.Dropout(0.1)
        layer = nn.TransformerEncoderLayer(D, 2, 2 * D, activation="gelu", batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(D, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        t = self.words(x) + self.places(torch.arange(x.shape[1]))
        return self.head(self.layers(self.drop(self.norm(t)))[:, 0])


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.Module]) -> None:
        super().__init__()
        self.layer, self.head = kind(48, D, batch_first=True), nn.Linear(D, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x.permute(0, 2, 1, 3).flatten(2))[0][:, -1])


class Mixer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches, self.head = nn.Conv2d(3, D, 4, 4), nn.Linear(D, CLASSES)
        self.n1, self.n2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.t1, self.t2 = nn.Linear(16, 8), nn.Linear(8, 16)
        self.c1, self.c2 = nn.Linear(D, 16), nn.Linear(16, D)

    def forward(self, x: Tensor) -> Tensor:
        t = self.patches(x).flatten(2).transpose(1, 2)
        t = t + self.t2(functional.gelu(self.t1(self.n1(t).transpose(1, 2)))).transpose(1, 2)
        t = t + self.c2(functional.gelu(self.c1(self.n2(t))))
        return self.head(t.mean(1))


class ConvNeXt(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.deep = nn.Conv2d(3, D, 4, 4), nn.Conv2d(D, D, 3, padding=1, groups=D)
        self.norm, self.f1, self.f2 = nn.LayerNorm(D), nn.Linear(D, 2 * D), nn.Linear(2 * D, D)
        self.scale, self.head = nn.Parameter(torch.full((D,), 0.1)), nn.Linear(D, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        t = self.f2(functional.gelu(self.f1(self.norm(self.deep(x).permute(0, 2, 3, 1)))))
        return self.head((x + (self.scale * t).permute(0, 3, 1, 2)).mean((2, 3)))


class SqueezeExcite(nn.Module):
    def __init__(self, gate: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.down, self.up, self.gate = nn.Conv2d(D, 4, 1), nn.Conv2d(4, D, 1), gate

    def forward(self, x: Tensor) -> Tensor:
        s = self.up(functional.relu(self.down(x.mean((2, 3), keepdim=True))))
        return x * self.gate(s)


def mobile() -> nn.Module:
    """As MobileNetV3: depthwise, Hardswish, squeeze-and-excitation."""
    deep = nn.Conv2d(D, D, 3, padding=1, groups=D, bias=False)
    return nn.Sequential(
        *(nn.Conv2d(3, D, 3, 2, 1, bias=False), nn.BatchNorm2d(D), nn.Hardswish()),
        *(deep, nn.BatchNorm2d(D), nn.ReLU(), SqueezeExcite(functional.hardsigmoid)),
        *(nn.Conv2d(D, D, 1, bias=False), nn.BatchNorm2d(D), nn.Hardswish()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(D, CLASSES)),
    )


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, D, 3, padding=1), nn.Conv2d(D, D, 3, padding=1)
        self.up, self.c = nn.ConvTranspose2d(D, D, 2, 2), nn.Conv2d(2 * D, D, 3, padding=1)
        self.head = nn.Linear(D, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        a = functional.relu(self.a(x))
        b = functional.relu(self.b(functional.max_pool2d(a, 2)))
        c = functional.relu(self.c(torch.cat([self.up(b), a], 1)))
        return self.head(c.mean((2, 3)))


class Standardised(nn.Conv2d):
    """Weight standardisation with a gain, as in networks without normalisation."""

    def __init__(self, *args: int, **kwargs: int) -> None:
        super().__init__(*args, **kwargs)
        self.gain = nn.Parameter(torch.ones(self.out_channels, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        mean = self.weight.mean((1, 2, 3), keepdim=True)
        deviation = self.weight.std((1, 2, 3), keepdim=True)
        weight = self.gain * (self.weight - mean) / (deviation + 1e-5)
        return functional.conv2d(x, weight, self.bias, self.stride, self.padding)


class Residual(nn.Module):
    def __init__(
        self, norm: Callable[[int], nn.Module], conv: Callable[..., nn.Module] = nn.Conv2d
    ) -> None:
        super().__init__()
        self.stem, self.a, self.b = (
            conv(3, D, 3),
            conv(D, D, 3, padding=1),
            conv(D, D, 3, padding=1),
        )
        self.n1, self.n2 = norm(D), norm(D)
        self.head = nn.Linear(D, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.stem(x))
        out = self.n2(self.b(functional.relu(self.n1(self.a(x)))))
        out += x
        return self.head(functional.relu(out, inplace=True).mean((2, 3)))


class Tied(nn.Module):
    """A layer applied twice, its transpose once."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.again = nn.Linear(48, D), nn.Linear(D, D)
        self.head = nn.Linear(D, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        t = functional.relu(self.first(functional.avg_pool2d(x, 4).flatten(1)))
        t = functional.relu(self.again(functional.relu(self.again(t))))
        return self.head(t @ self.again.weight)


class Experts(nn.Module):
    """Bare parameters in einsum and matmul."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Parameter(torch.randn(48, D) * 0.1)
        self.experts = nn.Parameter(torch.randn(3, D, D) * 0.3)
        self.router, self.head = nn.Linear(D, 3), nn.Linear(D, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        t = functional.relu(functional.avg_pool2d(x, 4).flatten(1) @ self.enter)
        parts = functional.relu(torch.einsum("bi,eio->beo", t, self.experts))
        return self.head((self.router(t).softmax(1)[..., None] * parts).sum(1))


class RMS(nn.Module):
    """Normalisation written out."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * x * x.pow(2).mean(-1, keepdim=True).add(1e-6).rsqrt()


class Gated(nn.Module):
    """SwiGLU, as in language models."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.norm = nn.Conv2d(3, D, 4, 4), RMS(D)
        self.gate, self.up = nn.Linear(D, 16, bias=False), nn.Linear(D, 16, bias=False)
        self.down, self.head = nn.Linear(16, D, bias=False), nn.Linear(D, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        t = self.patches(x).flatten(2).transpose(1, 2)
        n = self.norm(t)
        return self.head((t + self.down(functional.silu(self.gate(n)) * self.up(n))).mean(1))


class LowRank(nn.Module):
    """A linear layer with a low-rank update."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(48, D), nn.Linear(D, CLASSES)
        self.a = nn.Parameter(torch.randn(2, 48) * 0.1)
        self.b = nn.Parameter(torch.randn(D, 2) * 0.1)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.avg_pool2d(x, 4).flatten(1)
        weight = self.first.weight + self.b @ self.a
        return self.head(functional.relu(functional.linear(x, weight, self.first.bias)))


class GeneralisedMean(nn.Module):
    """Pooling with a learned power."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, D, 3), nn.Linear(D, CLASSES)
        self.power = nn.Parameter(torch.tensor(3.0))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.conv(x)).clamp(min=1e-6)
        return self.head(x.pow(self.power).mean((2, 3)).pow(1 / self.power))


def plain(norm: Callable[[int], nn.Module]) -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, D, 3), norm(D), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(D, D, 3), norm(D), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(D, CLASSES)),
    )


def weight_normed() -> nn.Module:
    net = plain(lambda width: nn.Identity())
    for place in (0, 4, 9):
        parametrizations.weight_norm(net[place])
    return net


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "ViT, nn.MultiheadAttention": ViT,
    "ViT, written out": lambda: ViT(attention="written"),
    "ViT, RMS norms": lambda: ViT(nn.RMSNorm),
    "BERT": BERT,
    "LSTM": lambda: Recurrent(nn.LSTM),
    "GRU": lambda: Recurrent(nn.GRU),
    "MLP-Mixer": Mixer,
    "ConvNeXt": ConvNeXt,
    "MobileNetV3": mobile,
    "U-Net": UNet,
    "NF-ResNet": lambda: Residual(lambda width: nn.Identity(), Standardised),
    "ResNet, batch norm": lambda: Residual(nn.BatchNorm2d),
    "ResNet, group norm": lambda: Residual(lambda width: nn.GroupNorm(2, width)),
    "squeeze-and-excitation": lambda: nn.Sequential(
        *(nn.Conv2d(3, D, 3), nn.ReLU(), SqueezeExcite(torch.sigmoid)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(D, CLASSES)),
    ),
    "tied weights": Tied,
    "mixture of experts": Experts,
    "SwiGLU": Gated,
    "low-rank update": LowRank,
    "learned power": GeneralisedMean,
    "VGG": lambda: plain(lambda width: nn.Identity()),
    "CNN, instance norm": lambda: plain(nn.InstanceNorm2d),
    "weight norm": weight_normed,
}
NO_WEIGHTS = {"token", "places", "scale", "gain", "words"}
"""Parts, between dots, of the names of parameters with axes that are no weights of linear maps."""
COMPUTED = {"NF-ResNet", "low-rank update", "weight norm"}
"""Networks with weights that are computed of parameters."""


def network(name: str) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(4)
        return NETWORKS[name]().double()


def batches(name: str) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(5)
    y = torch.tensor([0, 1, 2, 3, 0, 1])
    if name == "BERT":
        return [(torch.randint(20, (6, 10), generator=generator), y) for _ in range(2)]
    return [(torch.randn(6, 3, 16, 16, generator=generator).double(), y) for _ in range(2)]
