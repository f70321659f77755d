"""Scores of the neural tangent kernel: condition numbers, traces, kernel regression."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from untrained.foundation import Unsupported
from untrained.indicators import Family, Measurement, Need, Protocol, indicator
from untrained.indicators.framework.devices import numbers, on_cpu
from untrained.indicators.quantities.forward import forward, live_cells, logits_of
from untrained.indicators.quantities.frozen_normalisation import frozen_gradients
from untrained.indicators.quantities.logit_gradients import (
    label_logits,
    parameters_of,
    rows_of,
    squared_norms,
    sum_logit_gradients,
    sum_logit_rows,
    weights_of,
)
from untrained.indicators.quantities.loss_gradients import check_labels
from untrained.indicators.quantities.tangent_kernel import condition_number, kernel, spectrum

PROTOCOL = Protocol(batch_size=32, labels="none", channels=3, cells=1)
_condition = partial(
    indicator,
    needs={Need.GRADIENTS},
    higher_is_better=False,
    protocol=PROTOCOL,
    family=Family.TE_NAS,
    class_invariant=True,
)


@_condition(
    title="NTK condition number",
    formula="lambda_max / lambda_min of K, K[i,j] = <g_i, g_j>, g_i = d(sum_k f_k(x_i))/dW",
    reference="Chen et al., Neural Architecture Search on ImageNet in Four GPU Hours (TE-NAS), "
    "ICLR 2021, eq. 3",
    cost="1 forward, B backward",
    deviations="Eigenvalues in float64, and a singular kernel has no score; the authors' float32 "
    "solver can give a negative condition number, which then looks excellent. One evaluation: "
    "average over seeds for their three repeats. Weights as the protocol's initialisation draws "
    "them: the paper's Kaiming-normal re-initialisation has no effect in the authors' code. The "
    "batch is the paper's 32 (the code's launcher: 72). Single networks of DARTS have three "
    "cells, those of NDS three fifths of their depth, and end with the last; theirs have two, "
    "batch norm and ReLU.",
)
def ntk_condition(m: Measurement) -> float:
    """Kappa of the kernel of the summed logits, which TE-NAS calls trainability.

    W: all parameters named `weight` (convolutions, batch-norm gains, the classifier), no biases.
    In train mode the gradients run through the batch statistics, so g_i sees the whole batch: B
    backward passes. The sum of the logits makes the kernel B x B instead of that of all classes.
    """
    gradients = sum_logit_gradients(m)
    return condition_number(kernel(gradients, gradients), m.dtype)


@_condition(
    title="NTK condition number, frozen statistics",
    formula="lambda_max / lambda_min of K, batch normalisation's statistics held constant",
    reference="a variant of Chen et al. (TE-NAS), ICLR 2021, eq. 3, of this project",
    cost="2 forward, 1 backward",
    deviations="Not the paper's score: no gradient runs through batch statistics, so one "
    "vectorised backward pass replaces one a sample. The same where no layer uses them.",
)
def ntk_condition_frozen(m: Measurement) -> float:
    """Kappa of the kernel of the summed logits, each sample's gradient taken by itself.

    W: all parameters named `weight`. The forward pass is that of `ntk_condition`.
    """
    gradients = frozen_gradients(m)
    return condition_number(kernel(gradients, gradients), m.dtype)


@_condition(
    title="NTK condition number, all classes",
    formula="lambda_max / lambda_min of K, K[ik,jl] = <d f_k(x_i)/dW, d f_l(x_j)/dW>",
    reference="Chen et al., Neural Architecture Search on ImageNet in Four GPU Hours (TE-NAS), "
    "ICLR 2021, eq. 3, of the network with all its outputs",
    cost="1 forward, B K backward",
    deviations="The kernel of the multi-output network, where the authors' code takes that of the "
    "summed logits (ntk_condition). The same weights, batch and network as there. A singular "
    "kernel has no score.",
)
def ntk_condition_full(m: Measurement) -> float:
    """Kappa of the (B classes) x (B classes) kernel: B times classes backward passes.

    W: all parameters named `weight`. All gradients are held at once. The logits are linear in the
    features, so the rank is at most features times (B + classes), and the kernel is singular where
    that is less than B times classes, as with a hundred classes on a narrow network.

    Raises:
        Unsupported: no parameter is named `weight`.
        Diverged: the kernel is singular.
    """
    logits: Tensor = forward(m).logits
    gradients = rows_of(logits.flatten(), weights_of(m))
    return condition_number(kernel(gradients, gradients), m.dtype)


@indicator(
    title="NTK condition number, label logit",
    formula="lambda_max / lambda_min of K, K[i,j] = <g_i, g_j>, g_i = d f_{y(i)}(x_i)/d theta",
    reference="Shu et al., Unifying and Boosting Gradient-Based Training-Free NAS (HNAS), "
    "NeurIPS 2022, kappa",
    needs={Need.LABELS, Need.GRADIENTS},
    higher_is_better=False,
    protocol=Protocol(batch_size=64),
    cost="1 forward, B backward",
    family=Family.TE_NAS,
    deviations="The kernel of ntk_trace_label: exact gradients of single logits through the batch "
    "statistics, over all parameters, where the authors' code looks at convolutional and linear "
    "layers only. Eigenvalues in float64, and a singular kernel has no score; the authors' code "
    "sets what is no number to 1e5.",
)
def ntk_condition_label(m: Measurement) -> float:
    """Kappa of the B x B kernel whose trace norm is ntk_trace_label's: B backward passes.

    All gradients are held at once, B times the parameters. Biases and batch-norm shifts count,
    also the shift of a batch norm fed by zeros; so architectures of one function may differ.

    Raises:
        Unsupported: a label is no class of the network, or there is one sample.
        Diverged: the kernel is singular.
    """
    gradients = rows_of(label_logits(m), parameters_of(m))
    return condition_number(kernel(gradients, gradients), m.dtype)


@indicator(
    title="NTK generalisation error",
    formula="mean_s sum_k (K_yx K_xx^-1 Y_x - Y_y)[s,k]^2, Y: one-hot labels minus their mean",
    reference="Chen et al., Understanding and Accelerating NAS with Training-Free and "
    "Theory-Grounded Metrics (TEG-NAS), arXiv:2108.11939, generalization",
    needs={Need.LABELS, Need.GRADIENTS, Need.SECOND_BATCH, Need.CELLS},
    higher_is_better=False,
    protocol=Protocol(batch_size=64, num_batches=2, channels=3, cells=1),
    cost="2 forward, 2 B backward",
    family=Family.TE_NAS,
    class_invariant=True,
    deviations="A singular kernel has no score; the authors' code returns -1, which their averages "
    "take for a good value. The second batch is the protocol's, where their evolutionary search "
    "takes the test split. Solved in float64 by Cholesky, not by an inverse. Weights as the "
    "protocol's initialisation draws them, as in effect there.",
)
def ntk_generalization(m: Measurement) -> float:
    """Squared error of ridgeless NTK regression from the first batch x to the second batch y.

    The kernel is that of the summed logits over the weights of the cells (names that contain
    `cell` and `weight`: no stem, last batch norm or classifier). Predicting zero costs about
    1 - 1/classes.

    Raises:
        Unsupported: there is no second batch with labels, the labels do not fit the network, or no
            parameter belongs to a cell.
        Diverged: the kernel is singular.
    """
    names = weights_of(m, within="cell")
    targets = m.labels
    second, held_out = m.batches[1] if len(m.batches) > 1 else (None, None)
    if second is None or held_out is None:
        raise Unsupported("the generalisation error needs a second batch with labels")
    with live_cells(m):
        logits = logits_of(m.network, second.clone())
    Y_x, Y_y = _centred(targets, logits.shape[1]), _centred(held_out, logits.shape[1])
    C_x = {name: rows for name, rows in sum_logit_gradients(m).items() if name in names}
    C_y = sum_logit_rows(m, second, names, lambda: logits)
    K_xx, K_yx, Y_x, Y_y = on_cpu([kernel(C_x, C_x), kernel(C_y, C_x), Y_x, Y_y])
    spectrum(K_xx, m.dtype)
    factor = torch.linalg.cholesky(K_xx)
    error = K_yx @ torch.cholesky_solve(Y_x, factor) - Y_y
    return float(error.square().sum(1).mean())


def _centred(labels: Tensor, num_classes: int) -> Tensor:
    """One-hot labels minus the batch's mean, (B, classes) float64."""
    check_labels(labels, num_classes)
    one_hot = functional.one_hot(labels, num_classes).double()
    return one_hot - one_hot.mean(0)


@indicator(
    title="NTK trace norm",
    formula="(1/B) sum_x sum_k || d f_k(x)/d theta ||_2^2 over all parameters",
    reference="Shu et al., NASI: Label- and Data-agnostic NAS at Initialization, ICLR 2022, eq. 9",
    needs={Need.GRADIENTS},
    protocol=Protocol(batch_size=16, labels="none"),
    cost="1 forward, B K backward",
    family=Family.NASI,
    deviations="Divided by the batch size. The paper's search uses the approximation (see nasi) "
    "and its main text names no batch for the exact norm; 16 is this project's choice.",
)
def ntk_trace(m: Measurement) -> float:
    """The kernel is positive semi-definite, so its trace norm is its trace: no eigenvalues.

    B times classes backward passes through the batch statistics. Biases and batch-norm shifts
    count, also the shift of a batch norm fed by zeros; so architectures of one function may differ.
    """
    logits: Tensor = forward(m).logits
    return squared_norms(m, logits.flatten()) / logits.shape[0]


@indicator(
    title="NTK trace norm, label logit",
    formula="sqrt( (1/B) sum_x || d f_{y(x)}(x)/d theta ||_2^2 ) over all parameters",
    reference="Shu et al., Unifying and Boosting Gradient-Based Training-Free NAS (HNAS), "
    "NeurIPS 2022, M_Trace",
    needs={Need.LABELS, Need.GRADIENTS},
    protocol=Protocol(batch_size=64),
    cost="1 forward, B backward",
    family=Family.NASI,
    deviations="Exact gradients of single logits through the batch statistics, over all "
    "parameters. The authors' code looks at convolutional and linear layers only, and takes each "
    "sample's activations times the back-propagated gradients of the sum of all label logits, "
    "which mixes in what a sample does to the others by batch normalisation.",
)
def ntk_trace_label(m: Measurement) -> float:
    """Root of the mean squared gradient norm of the true class's logit: B backward passes.

    Biases and batch-norm shifts count, also the shift of a batch norm fed by zeros; so
    architectures of one function may differ.

    Raises:
        Unsupported: a label is no class of the network.
    """
    chosen = label_logits(m)
    return math.sqrt(squared_norms(m, chosen) / len(chosen))


@indicator(
    title="NTK trace norm, summed logits",
    formula="(1/B) sum_i || d(sum_k f_k(x_i))/dW ||_2^2",
    reference="the trace of the kernel of Chen et al. (TE-NAS), ICLR 2021, eq. 3; a variant of "
    "this project",
    needs={Need.GRADIENTS},
    protocol=PROTOCOL,
    cost="1 forward, B backward",
    family=Family.NASI,
    class_invariant=True,
    deviations="TE-NAS uses its kernel's condition number only.",
)
def ntk_trace_sumlogit(m: Measurement) -> float:
    """Mean squared norm of the gradients whose kernel `ntk_condition` looks at.

    W: all parameters named `weight`, no biases.
    """
    gradients = sum_logit_gradients(m)
    num_samples = m.inputs.shape[0]
    squares = (rows.double().square().sum() for rows in gradients.values())
    return sum(numbers(squares)) / num_samples
