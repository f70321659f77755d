"""The Jacobian of the logits with respect to one entry of each parameter tensor."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, quantity
from untrained.indicators.account.known_modules import is_plain
from untrained.indicators.quantities.forward import check_separate, forward, live_cells, logits_of
from untrained.indicators.quantities.layer_outputs import together
from untrained.indicators.quantities.logit_gradients import each_gradient
from untrained.indicators.quantities.substituted import Substituted

_NUM_TENSORS = 128


@quantity
def entry_jacobian(m: Measurement) -> tuple[Tensor, Tensor]:
    """Logits (B, K) and their Jacobian (B, K, P) for the first entry of the first 128 parameters.

    Batch norms are in evaluation mode with the running statistics of a fresh network (mean 0,
    variance 1), so that a sample's logits do not depend on the others. One forward pass and K
    backward passes to the outputs of the layers. A layer is linear in its parameters, so that its
    output moves with an entry as a layer puts out that has a 1 there and else zeros: in its first
    channel alone.

    Raises:
        Unsupported: samples depend on each other, a parameter is shared or belongs to no
            convolution, linear layer or batch norm, or a batch norm has no running statistics.
    """
    check_separate(m.network)
    places = _owners(m.network)
    if not is_plain(m.network):
        _check_uses(m, places)
    parts = [_of_part(m, inputs, places) for inputs in m.input_parts]
    if len(parts) == 1:
        return parts[0]
    logits, jacobians = zip(*parts, strict=True)
    return torch.cat(logits), torch.cat(jacobians)


def _of_part(
    m: Measurement, inputs: Tensor, places: dict[nn.Module, dict[str, int]]
) -> tuple[Tensor, Tensor]:
    """Logits and Jacobian of some samples, which the others do not change."""
    collector = _Collector(places)
    with together(*(module.register_forward_hook(collector.collect) for module in places)):
        fresh = Substituted(m.network, _fresh_statistics(m.network))
        with m.batch_norms_evaluated():
            logits = logits_of(fresh, inputs.clone())
    jacobian = logits.new_zeros(*logits.shape, sum(len(of) for of in places.values()))
    for k, gradients in enumerate(each_gradient(logits.sum(0), collector.outputs)):
        for module, gradient, motions in zip(
            collector.modules, gradients, collector.motions, strict=True
        ):
            if gradient is None:
                continue
            first = _first_channel(module, gradient)
            for place, motion in motions:
                jacobian[:, k, place] += (first * motion).reshape(len(logits), -1).sum(1)
    return logits.detach(), jacobian.detach()


class _Collector:
    """What the hooked layers return, and how it moves with their parameters' first entries."""

    def __init__(self, places: dict[nn.Module, dict[str, int]]) -> None:
        self.modules: list[nn.Module] = []
        self.outputs: list[GradientEdge] = []
        self.motions: list[list[tuple[int, Tensor]]] = []
        self._places = places
        self._busy = False

    def collect(self, module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        if self._busy:  # the layer is called for a motion
            return
        self._busy = True
        x = args[0].detach()
        self.modules.append(module)
        # the edge now: an in-place activation gives the tensor another
        self.outputs.append(get_gradient_edge(output))
        self.motions.append(
            [(place, _motion(module, name, x)) for name, place in self._places[module].items()]
        )
        self._busy = False


def _motion(module: nn.Module, name: str, x: Tensor) -> Tensor:
    """The derivative of the first channel of a layer's output by the first entry of a parameter."""
    if name == "bias":
        return x.new_ones(())
    state = {short: torch.zeros_like(p) for short, p in module.named_parameters(recurse=False)}
    state[name][(0,) * state[name].dim()] = 1
    with torch.no_grad():
        moved = functional_call(module, state, (x,))
    return _first_channel(module, moved).clone()  # so that the other channels are not kept


def _first_channel(module: nn.Module, output: Tensor) -> Tensor:
    return output.select(-1 if isinstance(module, nn.Linear) else 1, 0)


def _owners(network: nn.Module) -> dict[nn.Module, dict[str, int]]:
    """For each layer that owns one of the first tensors: their names in it and their numbers."""
    modules = dict(network.named_modules())
    named = dict(network.named_parameters())
    if not named:
        raise Unsupported("the network has no parameters")
    if len(list(network.named_parameters(remove_duplicate=False))) > len(named):
        raise Unsupported("layers of the network share a parameter")
    owners: dict[nn.Module, dict[str, int]] = {}
    for place, name in enumerate(list(named)[:_NUM_TENSORS]):
        owner, _, short = name.rpartition(".")
        module = modules[owner]
        if not isinstance(module, _ConvNd | nn.Linear | _BatchNorm):
            raise Unsupported(
                f"the parameter {name!r} belongs to a {type(module).__name__}, not to a "
                "convolution, linear layer or batch norm"
            )
        owners.setdefault(module, {})[short] = place
    return owners


def _check_uses(m: Measurement, places: dict[nn.Module, dict[str, int]]) -> None:
    """Raise `Unsupported` unless the parameters enter the network by their modules alone."""
    account = forward(m).account
    account.check()
    called = [0]

    def count(module: nn.Module, args: object, output: object) -> None:
        called[0] += 1

    layers = [module for module in places if not isinstance(module, _BatchNorm)]
    own = {name for name, _ in m.network.named_parameters()}
    hooks = together(*(module.register_forward_hook(count) for module in layers))
    with hooks, torch.no_grad(), live_cells(m):
        logits_of(m.network, m.inputs.clone())
    computed = [key for key in account.weights if key not in own]
    if computed or len(account.maps) != called[0]:
        raise Unsupported(
            "a weight of the network is computed of parameters, or is used by a function and not "
            "by calling the layer that owns it"
        )


def _fresh_statistics(network: nn.Module) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        if not isinstance(module, _BatchNorm):
            continue
        if module.running_mean is None or module.running_var is None:
            raise Unsupported("a batch norm without running statistics couples the samples")
        prefix = f"{name}." if name else ""
        state[f"{prefix}running_mean"] = torch.zeros_like(module.running_mean)
        state[f"{prefix}running_var"] = torch.ones_like(module.running_var)
    return state
