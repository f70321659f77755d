"""Tangent-kernel indicators against slow versions, closed forms and degenerate networks."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, indicators, read
from untrained.spaces import spaces

# the same float64 numbers summed in another order
ROUNDING = 1e-9
# float32 gradients, relative to a condition number of tens
SINGLE_PRECISION = 1e-3
CONDITIONS = ["ntk_condition", "ntk_condition_label", "ntk_condition_full"]
CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|"


def small_network(dtype: torch.dtype = torch.float64, cell: str = CELL) -> nn.Module:
    torch.manual_seed(3)
    return spaces["nasbench201"].build(cell, num_classes=5, channels=3, cells=1).to(dtype)


def batch(seed: int, size: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(size, 3, 8, 8, generator=generator, dtype=torch.float64)
    return images, torch.randint(5, (size,), generator=generator)


def score(name: str, net: nn.Module, *batches: tuple[Tensor, Tensor | None]) -> float:
    with Measurement(net, batches or [batch(0), batch(1)]) as m:
        return indicators[name](m)


def reading(name: str, net: nn.Module, *batches: tuple[Tensor, Tensor | None]) -> tuple[str, str]:
    with Measurement(net, batches or [batch(0), batch(1)]) as m:
        outcome = read(m, [name])[name]
    return outcome.status, outcome.reason


def slow_rows(net: nn.Module, images: Tensor, *parts: str) -> np.ndarray:
    """One fresh forward and backward pass a sample, gradients of the summed logits."""
    rows = []
    for i in range(len(images)):
        copied = copy.deepcopy(net).train()
        copied(images)[i].sum().backward()
        rows.append(
            torch.cat(
                [
                    p.grad.flatten()  # type: ignore[union-attr]
                    for name, p in copied.named_parameters()
                    if all(part in name for part in parts)
                ]
            )
        )
    return torch.stack(rows).numpy()


def test_condition_is_that_of_the_slow_gram_matrix() -> None:
    net = small_network()
    rows = slow_rows(net, batch(0)[0], "weight")
    singular_values = np.linalg.svd(rows, compute_uv=False)
    expected = (singular_values[0] / singular_values[-1]) ** 2
    assert score("ntk_condition", net) == pytest.approx(expected, rel=ROUNDING)


def test_the_kernel_is_that_of_finite_differences() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)).double()
    images = torch.randn(3, 1, 2, 2, generator=torch.Generator().manual_seed(1)).double()
    step = 1e-5
    columns = []
    with torch.no_grad():
        for layer in (net[1], net[3]):
            assert isinstance(layer, nn.Linear)
            flat = layer.weight.view(-1)
            for j in range(flat.numel()):
                value = float(flat[j])
                flat[j] = value + step
                above = net(images).sum(1)
                flat[j] = value - step
                columns.append((above - net(images).sum(1)) / (2 * step))
                flat[j] = value
    jacobian = torch.stack(columns, 1).numpy()
    eigenvalues = np.linalg.eigvalsh(jacobian @ jacobian.T)
    # the central difference is off by about step^2
    assert score("ntk_condition", net, (images, None)) == pytest.approx(
        eigenvalues[-1] / eigenvalues[0], rel=1e-5
    )


def test_condition_of_a_linear_network_is_that_of_its_inputs() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 5)).double()
    images = batch(0)[0]
    gram = (images.flatten(1) @ images.flatten(1).T).numpy()
    assert score("ntk_condition", net) == pytest.approx(np.linalg.cond(gram), rel=ROUNDING)


def test_label_condition_is_that_of_the_slow_gram_matrix() -> None:
    net = small_network()
    images, labels = batch(0)
    rows = []
    for i, label in enumerate(labels):
        copied = copy.deepcopy(net).train()
        copied(images)[i, label].backward()
        rows.append(torch.cat([p.grad.flatten() for p in copied.parameters()]))  # type: ignore[union-attr]
    expected = np.linalg.cond(torch.stack(rows).numpy()) ** 2
    assert score("ntk_condition_label", net) == pytest.approx(expected, rel=ROUNDING)


def test_label_condition_and_label_trace_are_of_one_kernel() -> None:
    net = small_network()
    rows = jacobian(net, batch(0)[0])[torch.arange(6), batch(0)[1]]
    eigenvalues = np.linalg.eigvalsh((rows @ rows.T).numpy())
    assert score("ntk_trace_label", net) ** 2 == pytest.approx(eigenvalues.sum() / 6, rel=ROUNDING)
    assert score("ntk_condition_label", net) == pytest.approx(
        eigenvalues[-1] / eigenvalues[0], rel=ROUNDING
    )


def test_full_condition_is_that_of_the_slow_gram_matrix_of_all_outputs() -> None:
    net = small_network()
    images = batch(0)[0]
    rows = []
    for i in range(len(images)):
        for k in range(5):
            copied = copy.deepcopy(net).train()
            copied(images)[i, k].backward()
            weights = [p.grad.flatten() for n, p in copied.named_parameters() if "weight" in n]  # type: ignore[union-attr]
            rows.append(torch.cat(weights))
    eigenvalues = np.linalg.eigvalsh((torch.stack(rows) @ torch.stack(rows).T).numpy())
    found = score("ntk_condition_full", net)
    # the rounding of the smallest eigenvalue is relative to the largest
    assert found == pytest.approx(eigenvalues[-1] / eigenvalues[0], rel=1e-13 * found)
    assert found > score("ntk_condition", net), "the summed logits' kernel is a compression of it"


def test_conditions_of_a_linear_network_are_known_on_paper() -> None:
    """df_k/dW_l = x if k = l, else 0: all classes repeat one kernel, other labels do not meet."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 5)).double()
    images, labels = batch(0)
    gram = (images.flatten(1) @ images.flatten(1).T).numpy()
    assert score("ntk_condition_full", net) == pytest.approx(np.linalg.cond(gram), rel=ROUNDING)
    together = (labels[:, None] == labels).numpy()
    # the bias adds one to the inner product of two samples of a class
    expected = np.linalg.cond((gram + 1) * together)
    assert score("ntk_condition_label", net) == pytest.approx(expected, rel=ROUNDING)


def test_full_condition_does_not_exist_with_more_classes_than_features_can_carry() -> None:
    """Two features of six samples and nine classes: rank 2 (6 + 9) = 30 of 54."""
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(192, 2, bias=False), nn.Tanh(), nn.Linear(2, 9, bias=False)
    ).double()
    status, reason = reading("ntk_condition_full", net)
    assert status == "diverged"
    assert "singular" in reason


def test_condition_is_at_least_one_and_near_the_same_in_single_precision() -> None:
    double = score("ntk_condition", small_network())
    assert double >= 1
    single = score("ntk_condition", small_network(torch.float32))
    assert single == pytest.approx(double, rel=SINGLE_PRECISION)


def test_generalization_is_that_of_the_slow_regression() -> None:
    net = small_network()
    (x, targets), (y, held_out) = batch(0), batch(1)
    rows_x, rows_y = (slow_rows(net, images, "cell", "weight") for images in (x, y))
    one_hot_x, one_hot_y = np.eye(5)[targets], np.eye(5)[held_out]
    # the minimum-norm solution in weight space is kernel regression without a ridge
    weights = np.linalg.pinv(rows_x) @ (one_hot_x - one_hot_x.mean(0))
    error = rows_y @ weights - (one_hot_y - one_hot_y.mean(0))
    expected = (error**2).sum(1).mean()
    assert score("ntk_generalization", net) == pytest.approx(expected, rel=ROUNDING)


def test_generalization_to_the_training_batch_itself_is_perfect() -> None:
    error = score("ntk_generalization", small_network(), batch(0), batch(0))
    # interpolation up to the squared rounding of the solve
    assert error < 1e-20


def test_generalization_needs_a_second_labelled_batch_and_cells() -> None:
    net = small_network()
    assert reading("ntk_generalization", net, batch(0))[0] == "unsupported"
    assert reading("ntk_generalization", net, batch(0), (batch(1)[0], None))[0] == "unsupported"
    plain = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 5)).double()
    status, reason = reading("ntk_generalization", plain)
    assert status == "unsupported"
    assert reason == (
        "the network has no parameter with 'weight' and 'cell' in its name, at which this "
        "indicator looks; its names begin with '1.weight', '1.bias'"
    )


def test_generalization_refuses_labels_the_network_has_no_class_for() -> None:
    wrong = (batch(0)[0], torch.full((6,), 7))
    assert reading("ntk_generalization", small_network(), wrong, batch(1))[0] == "unsupported"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_classifier_of_nothing_but_batch_norms_has_a_singular_kernel(dtype: torch.dtype) -> None:
    """Batch norms make the mean over a batch a constant, so its gradients sum to zero."""
    cell = "+".join(["|sep_conv_3x3~0|dil_conv_3x3~1|"] * 4)
    torch.manual_seed(0)
    net = spaces["darts"].build(f"{cell};{cell}", num_classes=5, channels=1, cells=3).to(dtype)
    images = torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(0)).to(dtype)
    rows = slow_rows(net, images, "weight")
    eps = torch.finfo(dtype).eps
    assert np.linalg.norm(rows.sum(0)) < 100 * eps * np.linalg.norm(rows)
    status, reason = reading("ntk_condition", net, (images, None))
    assert status == "diverged"
    assert "singular" in reason


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", [*CONDITIONS, "ntk_generalization"])
def test_two_equal_samples_make_the_kernel_singular(name: str, dtype: torch.dtype) -> None:
    images, labels = batch(0)
    images[1], labels[1] = images[0], labels[0]
    status, reason = reading(name, small_network(dtype), (images, labels), batch(1))
    assert status == "diverged"
    assert "singular" in reason


@pytest.mark.parametrize("name", [*CONDITIONS, "ntk_generalization"])
def test_weights_of_zero_have_no_score(name: str) -> None:
    net = small_network()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
    assert reading(name, net)[0] == "diverged"


def test_one_sample_has_no_condition_number() -> None:
    images, labels = batch(0, 1)
    assert reading("ntk_condition", small_network(), (images, labels))[0] == "unsupported"


def test_a_network_without_weights_is_unsupported() -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(5, dtype=torch.float64))

        def forward(self, x: Tensor) -> Tensor:
            return x.mean((1, 2, 3))[:, None] * self.scale

    with pytest.raises(Unsupported, match="no parameter"):
        score("ntk_condition", Bare())


@pytest.mark.parametrize("name", ["ntk_condition", "ntk_condition_full", "ntk_generalization"])
def test_dead_convolutions_do_not_matter(name: str) -> None:
    """The edge 0>2 leads to a node that nothing leaves."""
    live = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|nor_conv_1x1~1|none~2|"
    dead = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|nor_conv_1x1~1|none~2|"
    plain, burdened = small_network(cell=live), small_network(cell=dead)
    burdened.load_state_dict({**burdened.state_dict(), **plain.state_dict()})
    assert score(name, burdened) == pytest.approx(score(name, plain), rel=ROUNDING)


def mlp() -> nn.Module:
    torch.manual_seed(5)
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 7), nn.ReLU(), nn.Linear(7, 5)).double()


def jacobian(net: nn.Module, images: Tensor) -> Tensor:
    """(samples, classes, parameters), through batch statistics."""
    copied = copy.deepcopy(net).train()
    parameters = {name: p.detach() for name, p in copied.named_parameters()}

    def logits(values: dict[str, Tensor]) -> Tensor:
        result: Tensor = torch.func.functional_call(copied, values, (images,))
        return result

    with torch.no_grad():
        for module in copied.modules():
            if isinstance(module, nn.BatchNorm2d):
                # functional transforms cannot update these; batch statistics are used without
                module.running_mean = module.running_var = module.num_batches_tracked = None
    blocks = torch.func.jacrev(logits)(parameters)
    return torch.cat([block.flatten(2) for block in blocks.values()], 2)


@pytest.mark.parametrize("make", [mlp, small_network], ids=["mlp", "nasbench201"])
def test_trace_is_that_of_the_explicit_kernel_of_all_classes(make) -> None:  # type: ignore[no-untyped-def]
    net = make()
    rows = jacobian(net, batch(0)[0]).flatten(0, 1)
    kernel = rows @ rows.T
    assert score("ntk_trace", net) == pytest.approx(float(kernel.trace()) / 6, rel=ROUNDING)
    assert float(torch.linalg.matrix_norm(kernel, "nuc")) / 6 == pytest.approx(
        score("ntk_trace", net), rel=ROUNDING
    )


@pytest.mark.parametrize("make", [mlp, small_network], ids=["mlp", "nasbench201"])
def test_label_trace_is_that_of_the_true_logits(make) -> None:  # type: ignore[no-untyped-def]
    net = make()
    images, labels = batch(0)
    rows = jacobian(net, images)[torch.arange(6), labels]
    expected = float(rows.square().sum() / 6) ** 0.5
    assert score("ntk_trace_label", net) == pytest.approx(expected, rel=ROUNDING)


def test_summed_logit_trace_is_that_of_the_condition_numbers_kernel() -> None:
    net = small_network()
    rows = slow_rows(net, batch(0)[0], "weight")
    expected = np.trace(rows @ rows.T) / 6
    assert score("ntk_trace_sumlogit", net) == pytest.approx(expected, rel=ROUNDING)


def test_traces_of_a_linear_network_are_known_on_paper() -> None:
    """df_k/dW_k = x and df_k/db_k = 1, for each class by itself."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 5)).double()
    mean_square = float(batch(0)[0].flatten(1).square().sum(1).mean())
    assert score("ntk_trace", net) == pytest.approx(5 * (mean_square + 1), rel=ROUNDING)
    assert score("ntk_trace_label", net) == pytest.approx((mean_square + 1) ** 0.5, rel=ROUNDING)
    assert score("ntk_trace_sumlogit", net) == pytest.approx(5 * mean_square, rel=ROUNDING)


def test_the_loss_gradient_bounds_the_trace_from_below() -> None:
    """NASI eqs. 10-11 without batch norm; softmax cross-entropy is sqrt(2)-Lipschitz."""
    net = mlp()
    assert score("ntk_trace", net) >= score("nasi", net) / 2


def test_label_trace_needs_labels_the_network_has_classes_for() -> None:
    images = batch(0)[0]
    for name in ("ntk_trace_label", "ntk_condition_label"):
        assert reading(name, mlp(), (images, None))[0] == "unsupported"
        assert reading(name, mlp(), (images, torch.full((6,), 5)))[0] == "unsupported"


def frozen_rows(net: nn.Module, images: Tensor) -> np.ndarray:
    """Each sample alone in evaluation mode, running statistics set to those of the batch."""
    copied = copy.deepcopy(net).train()
    for module in copied.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # one pass makes the running statistics the batch's
    count: dict[nn.BatchNorm2d, int] = {}

    def note(module: nn.BatchNorm2d, args: tuple[Tensor], output: Tensor) -> None:
        count[module] = args[0].numel() // args[0].shape[1]

    for module in copied.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(note)
    with torch.no_grad():
        copied(images)
        for module, num in count.items():
            assert module.running_var is not None
            module.running_var.mul_((num - 1) / num)  # the running one is unbiased
    copied.eval()
    rows = []
    for image in images:
        copied.zero_grad()
        copied(image[None]).sum().backward()
        rows.append(
            torch.cat([p.grad.flatten() for n, p in copied.named_parameters() if "weight" in n])  # type: ignore[union-attr]
        )
    return torch.stack(rows).numpy()


def test_frozen_condition_is_that_of_samples_taken_alone() -> None:
    net = small_network()
    singular_values = np.linalg.svd(frozen_rows(net, batch(0)[0]), compute_uv=False)
    expected = (singular_values[0] / singular_values[-1]) ** 2
    assert score("ntk_condition_frozen", net) == pytest.approx(expected, rel=ROUNDING)
    assert score("ntk_condition", net) != pytest.approx(expected, rel=0.01)


def test_frozen_condition_is_the_exact_one_without_batch_norm() -> None:
    assert score("ntk_condition_frozen", mlp()) == pytest.approx(
        score("ntk_condition", mlp()), rel=ROUNDING
    )


@pytest.mark.parametrize("batch_norm", ["train", "eval"])
def test_freezing_leaves_the_network_in_the_measurements_mode(batch_norm: str) -> None:
    net = small_network()
    with Measurement(net, [batch(0)], batch_norm=batch_norm) as m:  # type: ignore[arg-type]
        indicators["ntk_condition_frozen"](m)
        assert net.training == (batch_norm == "train")
