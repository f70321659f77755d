"""Networks of the configurations that the interfaces of NAS-Bench-201 and NATS-Bench give."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from untrained.foundation import UserError
from untrained.spaces import Network
from untrained.spaces.framework.network import WRITTEN_CHANNELS
from untrained.spaces.nasbench201.natsbench_sss import CELL, NATSBenchSize
from untrained.spaces.nasbench201.space import NASBench201

_FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "infer.tiny": ("C", "N", "num_classes"),
        "infer.shape.tiny": ("channels", "genotype", "num_classes"),
    }
)
"""Fields of a configuration beside its cell, by its name."""


def get_cell_based_tiny_net(config: Any) -> Network:
    """Build the network of a configuration, as the function of AutoDL-Projects does.

    Args:
        config: what `get_net_config` returns, or an object with its fields as attributes. The cell
            may be a `Structure`.

    Returns:
        The network with the layers' default initialisation. It returns logits; the network of
        AutoDL-Projects returns features and logits.

    Raises:
        UserError: the configuration has another name, lacks a field, or has another cell than the
            size space.
        MalformedInput: the architecture is not one of the space.
    """
    if hasattr(config, "_asdict"):
        config = config._asdict()
    fields = config if isinstance(config, Mapping) else vars(config)
    name = str(fields.get("name"))
    if name not in _FIELDS:
        raise UserError(
            f"cannot build a network of the configuration {name!r}: there are "
            f"{', '.join(_FIELDS)}. Give what get_net_config returns."
        )
    lacking = [field for field in _FIELDS[name] if field not in fields]
    cell = fields.get("arch_str", fields.get("genotype"))
    if lacking or cell is None:
        raise UserError(
            f"cannot build a network of the configuration {name!r}: it lacks "
            f"{', '.join(lacking) or 'arch_str or genotype'}. Give what get_net_config returns."
        )
    space = NASBench201()
    if name == "infer.tiny":
        return space.build(
            space.parse(cell),
            num_classes=fields["num_classes"],
            channels=fields["C"],
            cells=fields["N"],
        )
    if space.parse(cell) != space.parse(CELL):
        raise UserError(
            f"cannot build a network of the widths {fields['channels']!r}: the cell of the size "
            f"space is {CELL}. Give what get_net_config returns."
        )
    return NATSBenchSize().build(
        fields["channels"], num_classes=fields["num_classes"], channels=WRITTEN_CHANNELS, cells=1
    )
