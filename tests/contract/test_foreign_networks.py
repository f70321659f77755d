"""Every indicator on networks as people bring them: a value that holds, or a true refusal."""

import importlib.util
import json
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from untrained.harness import cli
from untrained.indicators import Measurement, Need, indicators, read

HERE = Path(__file__).parent
spec = importlib.util.spec_from_file_location("foreign_networks", HERE / "foreign_networks.py")
foreign = importlib.util.module_from_spec(spec)
spec.loader.exec_module(foreign)

TABLE = Path(cli.__file__).with_name("foreign_networks.json")
SHOWN = [
    name
    for name, item in indicators.items()
    if not name.startswith("gennas") and not item.needs & {Need.SEQUENCES} and name != "random"
]
CLOSE = 1e-7
TRUE = (
    "applies no ReLU",
    "neither as the weight of a linear map nor",
    "has no attention",
    "which may write an activation",
    "which may write a normalisation",
    "the network has no attention",
    "reads values that no linear map has made",
    "mixes tokens without attention",
    "not tokens (B, T, C)",
    "no feed-forward layer with more outputs",
    "whether it is the gain of a normalisation",
    "the maps after the stem and each cell",
    "needs a method or module `features`",
    "whole numbers",
    "has to be of real numbers",
    "and Gaussian ones are real numbers",
    "enters the network by `pow`",
    "several linear maps inside of one function",
    "falls as some absolute weight grows",
    "belongs to a",
    "layers of the network share a parameter",
    "computed of parameters",
    "is computed of",
    "no layer of the network returns a map",
    "no activation whose output takes both signs",
    "no parameter with 'weight' and 'cell'",
    "not the batch of",
    "weight of one linear map and a part of another's",
    "couples the samples",
    "no second derivative of an operation",
    "of which the axis of the samples or that of the channels is not known",
)


@pytest.fixture(scope="module")
def readings():
    """By network and indicator; measured once."""
    found = {}
    for name in foreign.NETWORKS:
        with Measurement(foreign.network(name), foreign.batches(name)) as m:
            found[name] = read(m, SHOWN)
    return found


@pytest.mark.parametrize("name", foreign.NETWORKS)
def test_every_indicator_has_a_score_or_a_true_refusal(readings, name):
    for indicator, reading in readings[name].items():
        assert reading.status in ("ok", "unsupported", "diverged"), (indicator, reading)
        if reading.status == "ok":
            assert not math.isnan(reading.value)
        if reading.status == "unsupported":
            assert any(text in reading.reason for text in TRUE), (indicator, reading.reason)


def weights(name: str, net: nn.Module) -> list[Tensor]:
    return [
        p
        for n, p in net.named_parameters()
        if p.dim() > 1 and not foreign.NO_WEIGHTS & set(n.split("."))
    ]


def slow(name: str) -> dict[str, float]:
    """The scores by their formulas, with autograd on the network as it is."""
    net, (x, y) = foreign.network(name).train(), foreign.batches(name)[0]
    for module in net.modules():
        if isinstance(module, nn.Dropout | nn.MultiheadAttention):
            module.training, module.dropout = False, 0.0
        if hasattr(module, "p") and isinstance(module, nn.Dropout):
            module.p = 0.0
    if x.is_floating_point():
        x = x.clone().requires_grad_()
    logits = net(x.clone() if x.is_floating_point() else x)
    loss = functional.cross_entropy(logits, y)
    everything = list(net.parameters())
    gradients = torch.autograd.grad(loss, everything, retain_graph=True, allow_unused=True)
    of = dict(zip(map(id, everything), gradients, strict=True))
    found = {
        "params": float(sum(p.numel() for p in everything)),
        "nasi": sum(float(g.square().sum()) for g in gradients if g is not None),
    }
    trace = 0.0
    for logit in logits.flatten():
        rows = torch.autograd.grad(logit, everything, retain_graph=True, allow_unused=True)
        trace += sum(float(row.square().sum()) for row in rows if row is not None)
    found["ntk_trace"] = trace / len(x)
    if x.is_floating_point():
        (jacobian,) = torch.autograd.grad(logits.sum(), x, retain_graph=True)
        values = torch.linalg.eigvalsh(torch.corrcoef(jacobian.flatten(1))).clamp(min=0)
        found["jacov"] = -float((torch.log(values + 1e-5) + 1 / (values + 1e-5)).sum())
    if name not in foreign.COMPUTED | {"learned power"}:
        pairs = [(w.detach(), of[id(w)]) for w in weights(name, net)]
        found["l2_norm"] = sum(float(w.norm()) for w, _ in pairs)
        found["grad_norm"] = sum(float(g.norm()) for _, g in pairs)
        found["snip"] = sum(float((w * g).abs().sum()) for w, g in pairs)
        found["plain"] = sum(float((w * g).sum()) for w, g in pairs)
    return found


@pytest.mark.parametrize("name", foreign.NETWORKS)
def test_scores_are_those_of_their_formulas(readings, name):
    for indicator, right in slow(name).items():
        reading = readings[name][indicator]
        assert reading.status == "ok", (indicator, reading)
        assert reading.value == pytest.approx(right, rel=CLOSE, abs=1e-9), indicator


@pytest.mark.parametrize("name", sorted(foreign.COMPUTED))
def test_computed_weights_score_as_the_plain_layers_of_the_same_function(readings, name):
    net = foreign.network(name)
    x, y = foreign.batches(name)[0]
    if name == "weight norm":
        values = [net[place].weight for place in (0, 4, 9)]
    elif name == "low-rank update":
        values = [net.first.weight + net.b @ net.a, net.head.weight]
    else:
        convs = (net.stem, net.a, net.b)
        mean = [c.weight.mean((1, 2, 3), keepdim=True) for c in convs]
        std = [c.weight.std((1, 2, 3), keepdim=True) + 1e-5 for c in convs]
        values = [c.gain * (c.weight - m) / s for c, m, s in zip(convs, mean, std, strict=True)] + [
            net.head.weight
        ]
    assert readings[name]["l2_norm"].value == pytest.approx(
        sum(float(v.detach().norm()) for v in values), rel=CLOSE
    )
    if name == "low-rank update":
        first = values[0].detach().requires_grad_()
        flat = functional.avg_pool2d(x, 4).flatten(1)
        logits = net.head(functional.relu(functional.linear(flat, first, net.first.bias)))
        loss = functional.cross_entropy(logits, y)
        grads = torch.autograd.grad(loss, [first, net.head.weight])
        right = sum(
            float((w.detach() * g).abs().sum())
            for w, g in zip([first, net.head.weight], grads, strict=True)
        )
        assert readings[name]["snip"].value == pytest.approx(right, rel=CLOSE)


def test_the_committed_table_is_what_was_read(readings):
    now = {
        indicator: [name for name in foreign.NETWORKS if readings[name][indicator].status == "ok"]
        for indicator in SHOWN
    }
    table = {"networks": list(foreign.NETWORKS), "scored": now}
    assert json.loads(TABLE.read_text("utf-8")) == table, (
        f"write {TABLE.name} again:\n{json.dumps(table)}"
    )
