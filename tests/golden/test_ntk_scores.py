"""The tangent-kernel scores of the published reference codes on four tiny networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from untrained.indicators import Measurement, indicators
from untrained.indicators.quantities.logit_gradients import sum_logit_gradients
from untrained.indicators.quantities.tangent_kernel import kernel
from untrained.spaces import spaces

GOLDEN = Path(__file__).parent
INPUTS = np.load(GOLDEN / "inputs.npz")
WEIGHTS = np.load(GOLDEN / "weights_infer.npz")
SCORES = np.load(GOLDEN / "scores.npz")
NUM_NETWORKS = len(INPUTS["archs"])
# a condition number of 1e4 magnifies the rounding of the smallest eigenvalue
CONDITION = 1e-7


def network(index: int) -> nn.Module:
    net = spaces["nasbench201"].build(
        str(INPUTS["archs"][index]), num_classes=10, channels=4, cells=1
    )
    state = {
        key.split("/", 1)[1]: torch.from_numpy(WEIGHTS[key])
        for key in WEIGHTS.files
        if key.startswith(f"{index}/")
    }
    missing = net.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys
    return net.double()


def batches() -> list[tuple[Tensor, Tensor | None]]:
    return [
        (torch.from_numpy(INPUTS[x]).double(), torch.from_numpy(INPUTS[y]))
        for x, y in (("x", "y"), ("x2", "y2"))
    ]


def score(index: int, name: str, batch_norm: str = "train") -> float:
    with Measurement(network(index), batches(), batch_norm=batch_norm) as m:  # type: ignore[arg-type]
        return indicators[name](m)


@pytest.mark.parametrize("index", range(NUM_NETWORKS))
@pytest.mark.parametrize(
    ("name", "batch_norm", "key"),
    [
        ("ntk_condition", "train", "tenas_ntk_cond"),
        ("ntk_condition", "eval", "tenas_ntk_cond_eval"),
        ("ntk_condition", "train", "tegnas_ntk_cond"),
        ("ntk_generalization", "train", "tegnas_mse"),
    ],
)
def test_the_reference_value_is_met(name: str, batch_norm: str, key: str, index: int) -> None:
    assert score(index, name, batch_norm) == pytest.approx(
        SCORES[f"{key}.f8"][index], rel=CONDITION
    )


@pytest.mark.parametrize("index", range(NUM_NETWORKS))
def test_frozen_statistics_are_exact_in_evaluation_mode(index: int) -> None:
    expected = SCORES["tenas_ntk_cond_eval.f8"][index]
    assert score(index, "ntk_condition_frozen", "eval") == pytest.approx(expected, rel=CONDITION)


@pytest.mark.parametrize("index", range(NUM_NETWORKS))
def test_summed_logit_trace_is_that_of_the_kernel_whose_condition_is_met(index: int) -> None:
    with Measurement(network(index), batches()) as m:
        K = kernel(sum_logit_gradients(m), sum_logit_gradients(m))
        trace = indicators["ntk_trace_sumlogit"](m)
    eigenvalues = np.linalg.eigvalsh(K.numpy())
    assert trace == pytest.approx(eigenvalues.sum() / len(K), rel=CONDITION)
    assert eigenvalues[-1] / eigenvalues[0] == pytest.approx(
        SCORES["tenas_ntk_cond.f8"][index], rel=CONDITION
    )


def outer_products(index: int, *, training: bool) -> dict[str, Tensor]:
    """Per-sample gradients as activations times back-propagated gradients of the label logits.

    One backward pass of the sum over the batch of the label logits. By parameter name, (B, numel).
    The gradients of batch norm's gains and shifts are included.
    """
    net = network(index).train(training)
    (x, y), _ = batches()
    seen: list[tuple[str, nn.Module, Tensor, Tensor]] = []
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
            module.register_forward_hook(
                lambda module, args, output, name=name: seen.append(
                    (name, module, args[0].detach(), output)
                )
            )
    logits = net(x)
    assert y is not None
    gradients = torch.autograd.grad(
        logits.gather(1, y[:, None]).sum(), [output for *_, output in seen]
    )
    found: dict[str, Tensor] = {}
    for (name, module, inputs, output), gradient in zip(seen, gradients, strict=True):
        if isinstance(module, nn.Conv2d):
            patches = nn.functional.unfold(
                inputs,
                module.kernel_size,
                stride=module.stride,
                padding=module.padding,  # type: ignore[arg-type]
            )
            weight = gradient.flatten(2) @ patches.transpose(1, 2)
        elif isinstance(module, nn.Linear):
            weight = gradient[:, :, None] * inputs[:, None, :]
        else:
            normalised = (output - module.bias[:, None, None]) / module.weight[:, None, None]  # type: ignore[index]
            weight = (gradient * normalised).sum((2, 3))
        found[f"{name}.weight"] = weight.detach().flatten(1)
        if module.bias is not None:
            found[f"{name}.bias"] = gradient.flatten(2).sum(2) if gradient.dim() > 2 else gradient
    return found


@pytest.mark.parametrize("index", range(NUM_NETWORKS))
def test_hnas_values_are_those_of_outer_products_over_convolutions_and_classifier(
    index: int,
) -> None:
    rows = outer_products(index, training=True)
    layers = {
        name
        for name, module in network(index).named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    }
    of_layers = {name: r for name, r in rows.items() if name.rpartition(".")[0] in layers}
    K = kernel(of_layers, of_layers)
    eigenvalues = np.linalg.eigvalsh(K.numpy())
    assert np.sqrt(eigenvalues.sum() / len(K)) == pytest.approx(
        SCORES["hnas_ntk_trace.f8"][index], rel=CONDITION
    )
    assert eigenvalues[-1] / eigenvalues[0] == pytest.approx(
        SCORES["hnas_condnum.f8"][index], rel=CONDITION
    )


@pytest.mark.parametrize("index", range(NUM_NETWORKS))
def test_label_trace_is_that_of_outer_products_where_samples_are_uncoupled(index: int) -> None:
    """In evaluation mode the reference's shortcut is exact; only its choice of layers differs."""
    rows = outer_products(index, training=False)
    trace = sum(float(r.square().sum()) for r in rows.values())
    assert score(index, "ntk_trace_label", "eval") == pytest.approx(
        np.sqrt(trace / len(INPUTS["x"])), rel=CONDITION
    )
