"""Networks whose parts are known by the classes of their modules, and modules nobody looks into."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

_LAYERS = (_ConvNd, nn.Linear, _NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.PReLU)


def is_plain(network: nn.Module) -> bool:
    """Whether the parts of a network's parameters are known by the classes of its modules.

    So if all modules are torch's or of the built-in search spaces, whose code is known, and all
    parameters are those of convolutions, linear layers and normalisations as torch makes them. The
    embedding of a built-in network of words is no linear map of its inputs.
    """
    own = type(network).__module__.startswith("untrained.spaces.")
    layers = (*_LAYERS, nn.Embedding) if own else _LAYERS
    for module in network.modules():
        kind = type(module)
        if not kind.__module__.startswith(("torch.nn.modules.", "untrained.spaces.")):
            return False
        if any(True for _ in module.parameters(recurse=False)) and (
            not isinstance(module, layers)
            or not kind.__module__.startswith("torch.nn.modules.")
            or module._forward_pre_hooks
            or module._forward_hooks
            or "forward" in vars(module)
        ):
            return False
    return True


def is_built_in(network: nn.Module) -> bool:
    """Whether a network is one of the built-in search spaces'."""
    return type(network).__module__.startswith("untrained.spaces.") and is_plain(network)


def scripted(network: nn.Module) -> str | None:
    """The name of the first scripted or traced module of a network, `` for itself, or None."""
    for name, module in network.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            return str(name)
    return None
