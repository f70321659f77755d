"""The loss gradients of several batches."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, quantity
from untrained.indicators.account.account import Account
from untrained.indicators.quantities.forward import gradients_of, live_cells, logits_of
from untrained.indicators.quantities.layer_weights import layer_weights, made_weights, weights_in
from untrained.indicators.quantities.loss_gradients import check_labels, layer_gradients, summed


@quantity
def batch_gradients(m: Measurement) -> list[Tensor]:
    """For each convolutional and linear layer the gradients of all batches, (batches, *weight).

    Of the mean cross-entropy of each batch; the first batch's are those that others use too.

    Raises:
        Unsupported: there is one batch only, or a batch has no labels or wrong ones.
    """
    if len(m.batches) < 2:
        raise Unsupported("this indicator compares gradients between batches and there is only one")
    found = [[gradient for _, gradient in layer_gradients(m)]]
    weights = layer_weights(m)
    made = made_weights(m)
    for number, (inputs, labels) in enumerate(m.batches[1:], start=2):
        if labels is None:
            raise Unsupported(f"this indicator needs labels and batch {number} has none")
        x = inputs.clone()
        account = Account(m.network, x) if made else None
        with live_cells(m):
            logits = logits_of(m.network, x, account)
        check_labels(labels, logits.shape[1], number)
        loss = functional.cross_entropy(logits, labels)
        parts = weights_in(m, account) if account else {n: [w] for n, w in weights.items()}
        gradients = gradients_of(loss, [part for of_one in parts.values() for part in of_one])
        found.append(list(summed(parts, iter(gradients)).values()))
    return [torch.stack(of_layer) for of_layer in zip(*found, strict=True)]
