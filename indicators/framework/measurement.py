"""The measurement of one network, which is left as it was found."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.parameter import is_lazy

from untrained.foundation import MalformedInput, Unsupported, derive
from untrained.indicators.framework.devices import (
    copies_of,
    copy_together,
    exact_arithmetic,
    free_memory,
)
from untrained.indicators.framework.guard import Guard, is_guarded
from untrained.indicators.framework.quantity import Cost, Meter


@contextmanager
def plain_defaults() -> Iterator[None]:
    """Inside, tensors without a dtype or device are float32 on the CPU, whatever the caller set."""
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    torch.set_default_dtype(torch.float32)
    try:
        # a device context costs time in every call, so that it is entered only where it is needed
        with torch.device("cpu") if device.type != "cpu" else nullcontext():
            yield
    finally:
        torch.set_default_dtype(dtype)


def network_within(network: nn.Module) -> nn.Module:
    """The network that wrappers which only pass calls on (DataParallel, compiled) hold."""
    while True:
        inner = getattr(network, "_orig_mod", None)
        if isinstance(network, nn.DataParallel | nn.parallel.DistributedDataParallel):
            inner = network.module
        if not isinstance(inner, nn.Module):
            return network
        network = inner


@contextmanager
def attributes_kept(modules: Iterable[nn.Module]) -> Iterator[Callable[[], None]]:
    """On leaving, give the modules their plain attributes back, as tensors cached by a pass.

    Parameters, buffers and submodules are not looked at. Yields the function that does it.
    """
    kept: list[tuple[dict[str, Any], dict[str, Any], list[tuple[Any, Any]]]] = []
    for module in modules:
        if isinstance(module, torch.jit.ScriptModule):
            continue  # TorchScript holds its attributes
        own = vars(module)
        saved = {name: value for name, value in own.items() if name not in _REGISTERS}
        contents = [
            (value, value.clone() if isinstance(value, Tensor) else value.copy())
            for value in saved.values()
            if type(value) in (dict, list, set) or isinstance(value, Tensor)
        ]
        kept.append((own, saved, contents))

    def put_back() -> None:
        for own, saved, contents in kept:
            for name in [name for name in own if name not in saved and name not in _REGISTERS]:
                del own[name]
            own.update(saved)
            for value, content in contents:
                if isinstance(value, Tensor):
                    if not torch.equal(value, content):
                        value.data.copy_(content)
                elif isinstance(value, list):
                    value[:] = content
                elif value or content:  # most are empty registers of hooks
                    value.clear()
                    value.update(content)

    try:
        yield put_back
    finally:
        put_back()


_REGISTERS = frozenset({"_parameters", "_buffers", "_modules", "training"})


@contextmanager
def preserved(network: nn.Module) -> Iterator[Callable[[], None]]:
    """On leaving, also by an exception, undo what a measurement does to a network.

    Kept: training flags, buffers (running statistics), plain attributes, `requires_grad` flags,
    `.grad` tensors and the global random states of the CPU and of the network's devices. Inside,
    gradients can be taken whatever the caller's gradient mode, and every parameter asks for one.
    Parameters are not copied: no quantity writes to them. Yields a function that gives the network
    buffers and attributes as they were found already inside.
    """
    parameters, modules = list(network.parameters()), list(network.modules())
    flags = [p.requires_grad for p in parameters]
    grads = [p.grad for p in parameters]
    modes = [(module, module.training) for module in modules]
    registers = [
        (module._buffers, dict(module._buffers))
        for module in modules
        if not isinstance(module, torch.jit.ScriptModule)
    ]
    found = [
        (module, name, buffer)
        for module in modules
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    buffers = [buffer for _, _, buffer in found]
    saved = copies_of(buffers)

    def put_registers() -> None:
        for register, content in registers:  # one that was empty, or is new, holds nothing
            if register or content:
                register.clear()
                register.update(content)

    def put_buffers(tensors: list[Tensor]) -> None:
        for (owner, name, _), tensor in zip(found, tensors, strict=True):
            owner._buffers[name] = tensor

    def fresh_buffers() -> None:
        put_back()
        put_registers()
        # new tensors, not the old ones written to: a graph may have saved those
        put_buffers(copies_of(saved))

    devices = sorted({p.device.index for p in parameters if p.device.type == "cuda"})
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(exact_arithmetic())
        put_back = stack.enter_context(attributes_kept(modules))
        try:
            for parameter in parameters:
                parameter.requires_grad_(parameter.is_floating_point() or parameter.is_complex())
            yield fresh_buffers
        finally:
            for parameter, flag, grad in zip(parameters, flags, grads, strict=True):
                parameter.requires_grad_(flag)
                parameter.grad = grad
            for module, mode in modes:
                module.training = mode
            put_registers()
            copy_together(buffers, saved)
            put_buffers(buffers)


Batch = tuple[Tensor, Tensor | None]


def _check_network(network: object) -> None:
    """Raise `MalformedInput` unless it is a network whose parameters exist."""
    if not isinstance(network, nn.Module):
        raise MalformedInput(
            f"cannot measure `network`: it is a {type(network).__name__}, not an nn.Module"
        )
    for name, parameter in network.named_parameters():
        if is_lazy(parameter):
            reason = "is lazy and has no shape yet. Call the network once with a batch"
        elif parameter.is_meta:
            reason = (
                "is on the meta device and has no values. Give the network values with "
                "network.to_empty(device='cpu') and an initialisation"
            )
        elif parameter.is_inference():
            reason = (
                "was made in inference mode, where no gradient exists. Build the network outside "
                "of torch.inference_mode()"
            )
        else:
            continue
        raise MalformedInput(f"cannot measure `network`: its parameter {name!r} {reason}")


def _check_batch(inputs: object, labels: object) -> None:
    """Raise unless these are inputs and labels as `Measurement` takes them."""
    for what, value in (("inputs", inputs), ("labels", labels)):
        if not isinstance(value, Tensor) and (what == "inputs" or value is not None):
            raise MalformedInput(
                f"cannot measure `{what}`: they are a {type(value).__name__}. A tensor is needed"
                + ("; torch.from_numpy makes one" if type(value).__name__ == "ndarray" else "")
            )
    assert isinstance(inputs, Tensor)
    if inputs.dtype == torch.uint8:
        raise MalformedInput(
            "cannot measure `inputs`: they are bytes (uint8). A network sees normalised numbers; "
            "convert them as in training, `inputs.float() / 255` for instance"
        )
    if inputs.dim() == 0 or inputs.numel() == 0:
        raise MalformedInput(
            f"cannot measure `inputs`: their shape is {tuple(inputs.shape)}. A batch of at least "
            "one sample is needed, (B, C, H, W)"
        )
    if not isinstance(labels, Tensor):
        return
    if labels.dim() != 1 or len(labels) != len(inputs):
        raise Unsupported(
            f"cannot use `labels` of shape {tuple(labels.shape)}: {len(inputs)} inputs need as "
            f"many class indices, ({len(inputs)},)"
        )
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise Unsupported(
            f"cannot use `labels` of type {labels.dtype}: class indices are whole numbers"
        )


class Measurement:
    """A network with its batches; quantities are computed lazily, at most once, and metered.

    Use it as a context manager: on leaving, the network (training flags, buffers, gradients,
    hooks) and the global random state are as they were. Inside, the network is in training mode
    when `batch_norm` is `train` (batch statistics), else in evaluation mode.

    Inputs follow the network's device and floating-point type.
    """

    def __init__(
        self,
        network: nn.Module,
        batches: Sequence[Batch],
        *,
        seed: int = 0,
        data_seed: int = 0,
        batch_norm: Literal["train", "eval"] = "train",
        options: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        """Wrap a network; nothing is computed yet.

        Args:
            network: maps a batch (B, C, H, W) to logits (B, classes).
            batches: at least one of (inputs, labels or None); labels are class indices (B,).
            seed: seeds the random numbers that indicators draw of their own.
            data_seed: seeds those that all networks of a run share, as they share the batches.
            batch_norm: whether batch normalisation uses batch or running statistics.
            options: of indicators, by name, those that differ from the default.

        Raises:
            ValueError: there is no batch.
            MalformedInput: the network or a batch is something else than described.
            Unsupported: the labels of a batch do not fit its inputs.
        """
        if not batches:
            raise ValueError("a measurement needs at least one batch")
        self.network = network = network_within(network)
        _check_network(network)
        self.seed = seed
        self.data_seed = data_seed
        self.options = options
        self._batch_norm = batch_norm
        anchor = next((p for p in network.parameters() if p.is_floating_point()), batches[0][0])
        self.device, self.dtype = anchor.device, anchor.dtype
        with torch.inference_mode(False):
            self.batches: tuple[Batch, ...] = tuple(self._adopt(batch) for batch in batches)
        self._meter = Meter(self.device)
        self._outcomes: dict[Callable[..., Any], tuple[Any, Exception | None]] = {}
        self._stack: ExitStack | None = None
        self.parts = 1
        """Into how many parts `input_parts` divides the first batch, to save memory."""
        self.spoilt: tuple[str, ...] = ()
        """What an indicator has changed and cannot be put back: no other one can be read."""

    def _adopt(self, batch: Batch) -> Batch:
        _check_batch(*batch)
        # autograd refuses tensors that were made in inference mode, but not their copies
        inputs, labels = (t.clone() if t is not None and t.is_inference() else t for t in batch)
        assert inputs is not None
        if inputs.is_floating_point():
            inputs = inputs.to(self.dtype)
        inputs = inputs.detach().to(self.device)
        # a network that declares a memory format runs fastest in it where it is
        memory_format = getattr(self.network, "memory_format", None)
        if memory_format is not None and inputs.dim() == 4:
            inputs = inputs.contiguous(memory_format=memory_format)
        return inputs, None if labels is None else labels.to(self.device, torch.int64)

    def __enter__(self) -> Measurement:
        """Open the measurement: from here on the network must not be touched."""
        self._stack = ExitStack()
        self._stack.enter_context(plain_defaults())
        try:
            self._fresh_buffers = self._stack.enter_context(preserved(self.network))
            self.restore_mode()
            if "torch._dynamo" in sys.modules:  # compiled code is not seen, its source is
                self._stack.enter_context(torch.compiler.set_stance("force_eager"))
            self._check_traced()
            self._guard = Guard(self.network, self.batches)
        except BaseException:
            self.__exit__()
            raise
        return self

    def restore_mode(self) -> None:
        """Put the network into the measurement's mode, for a quantity that had to leave it.

        Dropout is off in either mode: no indicator is defined with it. The flags are set one by
        one, since a network may override `train`.

        Raises:
            Unsupported: a module does not take the mode.
        """
        for name, module in self.network.named_modules():
            mode = self._batch_norm == "train" and not isinstance(module, _DropoutNd)
            with suppress(AttributeError):  # looked at next
                module.training = mode
            if module.training != mode:
                raise Unsupported(
                    f"the module {name!r} ({type(module).__name__}) cannot be put into "
                    f"{'training' if mode else 'evaluation'} mode: its `training` stays "
                    f"{module.training}"
                )

    def restore_buffers(self) -> None:
        """Give the network its buffers and plain attributes as they were found."""
        self._fresh_buffers()

    def _check_traced(self) -> None:
        for name, module in self.network.named_modules():
            if not isinstance(module, torch.jit.ScriptModule) or not hasattr(module, "graph"):
                continue
            graph = module.inlined_graph  # its nodes live as long as it
            for node in graph.findAllNodes("aten::batch_norm", recurse=True):  # type: ignore[attr-defined]
                mode = list(node.inputs())[5].toIValue()  # None: it follows the module's flag
                if mode is not None and bool(mode) != (self._batch_norm == "train"):
                    raise Unsupported(
                        f"the module {name!r} was traced in {'training' if mode else 'evaluation'} "
                        "mode and normalises batches in that mode for ever; measure the network "
                        "before torch.jit.trace"
                    )

    @contextmanager
    def batch_norms_evaluated(self) -> Iterator[None]:
        """Put the batch norms alone into evaluation mode; all else keeps the measurement's."""
        for module in self.network.modules():
            if isinstance(module, _BatchNorm):
                module.training = False
        try:
            yield
        finally:
            self.restore_mode()

    def __exit__(self, *exception: object) -> None:
        """Drop everything computed and restore the network."""
        self._outcomes.clear()
        if self._stack is not None:
            self._stack.close()
            self._stack = None

    @property
    def holds_results(self) -> bool:
        """Whether quantities were computed, which take memory."""
        return bool(self._outcomes)

    def forget(self) -> None:
        """Drop everything computed; who asks for a quantity gets it computed anew."""
        self._outcomes.clear()
        free_memory(self.device)

    @property
    def inputs(self) -> Tensor:
        """The first batch's inputs."""
        return self.batches[0][0]

    @property
    def input_parts(self) -> tuple[Tensor, ...]:
        """The first batch's inputs in parts, in order; usually one."""
        return self.inputs.chunk(self.parts)

    @property
    def labels(self) -> Tensor:
        """The first batch's labels, (B,).

        Raises:
            Unsupported: there are none.
        """
        labels = self.batches[0][1]
        if labels is None:
            raise Unsupported("this indicator needs labels and the batch has none")
        return labels

    def generator(self, purpose: str) -> torch.Generator:
        """A fresh CPU generator for one purpose; the same for the same seed and purpose."""
        return torch.Generator().manual_seed(derive(self.seed, purpose))

    def data_generator(self, purpose: str) -> torch.Generator:
        """A fresh CPU generator for what is the same for all networks and seeds of a run.

        It depends on the data seed and the purpose alone; scores that draw from it can be
        compared under one protocol, whose digest holds the data seed.
        """
        return torch.Generator().manual_seed(derive(self.data_seed, "shared", purpose))

    def quantity(self, function: Callable[[Measurement], Any]) -> Any:
        """The value of a quantity, computed now or before; its exception is remembered too."""
        if self._stack is None:
            raise RuntimeError("this measurement is not open: use `with Measurement(...) as m:`")
        if function not in self._outcomes:
            with self._meter.work(function):
                try:
                    self._outcomes[function] = (function(self), None)
                except TimeoutError:
                    raise
                except Exception as failure:
                    # without its frames, which would keep the failed pass's tensors alive
                    self._outcomes[function] = (None, failure.with_traceback(None))
        self._meter.use(function)
        value, error = self._outcomes[function]
        if error is not None:
            raise error
        return value

    @contextmanager
    def left_as_found(self) -> Iterator[None]:
        """Undo what the body, one indicator, changes of network, batches and process.

        Quantities that were computed in a body that has changed something are dropped.
        """
        if not is_guarded():
            yield
            return
        own, known = dict(vars(self)), dict(self._outcomes)
        self._guard.look_at_process()
        try:
            yield
        finally:
            closed = self._stack is not own["_stack"]
            vars(self).update(own)
            changed, lost = self._guard.put_back()
            self.spoilt = (*lost, *(["the measurement"] if closed else []))
            # a dictionary may have been written to, or exchanged for another one
            fresh = {} if changed else {**self._outcomes}
            self._outcomes = {**fresh, **known}

    @contextmanager
    def metered(self) -> Iterator[Cost]:
        """Meter the body as one indicator's work, which starts from the buffers as found.

        Else an indicator that looks at running statistics would depend on those read before it.
        """
        self.restore_buffers()
        with self._meter.work() as cost:
            yield cost
