"""A forward pass without chance: dropout off, attention in plain operations, no checkpoints."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode
from torch.utils import checkpoint

from untrained.foundation import Unsupported

_DROPOUTS = frozenset(
    {
        *(functional.dropout, functional.dropout1d, functional.dropout2d, functional.dropout3d),
        *(functional.alpha_dropout, functional.feature_alpha_dropout),
        *(torch.dropout, torch.dropout_, torch.feature_dropout, torch.alpha_dropout),
    }
)


class _DropoutOff(TorchFunctionMode):
    """Dropout hands its input on, whatever asks for it."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _DROPOUTS:
            return args[0] if args else kwargs["input"]
        if func is functional.scaled_dot_product_attention:
            args, kwargs = (*args[:4], *([0.0] if len(args) > 4 else ()), *args[5:]), dict(kwargs)
            if "dropout_p" in kwargs:
                kwargs["dropout_p"] = 0.0
        elif func is functional.multi_head_attention_forward and "training" in kwargs:
            kwargs = {**kwargs, "training": False}
        return func(*args, **kwargs)


@contextmanager
def quiet() -> Iterator[None]:
    """While entered, a network computes one function, by operations that have all derivatives.

    Raises:
        Unsupported: on leaving, the network has drawn random numbers all the same, or another
            thread has drawn some from a global generator.
    """
    before = _random_states()
    # a checkpoint saves memory and changes no value, but what it computes again it computes
    # outside of the pass: with other tensors, or where no gradient reaches
    with_graph = checkpoint._checkpoint_without_reentrant_generator
    checkpoint._checkpoint_without_reentrant_generator = _called_once
    checkpoint.CheckpointFunction.apply = _called_at_once  # type: ignore[method-assign]
    try:
        with sdpa_kernel(SDPBackend.MATH), _DropoutOff():
            yield
    finally:
        checkpoint._checkpoint_without_reentrant_generator = with_graph
        del checkpoint.CheckpointFunction.apply
    if _random_states() != before:
        raise Unsupported(
            "the network draws random numbers in its forward pass (besides dropout, which is off), "
            "so its score would be another one at every pass"
        )


def _called_once(*_: Any, **__: Any) -> Iterator[None]:
    yield


def _called_at_once(function: Callable[..., Any], preserve: bool, *args: Any) -> Any:
    return function(*args)


def _random_states() -> tuple[Any, ...]:
    kind, keys, place, *_ = np.random.get_state(legacy=True)  # noqa: NPY002 - the one that networks draw from
    states = [torch.get_rng_state()]
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        states += torch.cuda.get_rng_state_all()
    return (
        *(state.numpy().tobytes() for state in states),
        (kind, np.asarray(keys).tobytes(), place),
        random.getstate(),
    )


@contextmanager
def in_float64() -> Iterator[None]:
    """Inside, tensors that a network creates are float64, as its weights are.

    Raises:
        Unsupported: the network asks for another type by name.
    """
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    except RuntimeError as error:
        text = str(error).strip().partition("\n")[0]
        if not {"double", "float64"}.intersection(re.findall(r"\w+", text.lower())):
            raise
        raise Unsupported(
            "the score is taken in float64, in which the network cannot be computed, as one of its "
            f"operations asks for another type: {text}"
        ) from error
    finally:
        torch.set_default_dtype(before)
