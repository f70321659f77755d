"""Which weights the saliency indicators look at."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, quantity
from untrained.indicators.account.account import Account
from untrained.indicators.account.applications import Made
from untrained.indicators.account.known_modules import is_plain
from untrained.indicators.quantities.forward import forward


@quantity
def layer_weights(m: Measurement) -> dict[str, Tensor]:
    """The weights of all linear maps (convolutions too); a shared one once.

    Parameters are under the names of `named_parameters`, which gives a tied weight the name of its
    first owner. A weight that is computed of parameters, as under weight normalisation or a mask,
    is under their names and has the graph of the shared forward pass; see `made_weights`.

    Raises:
        Unsupported: the part of a parameter is not known.
    """
    names = {id(parameter): name for name, parameter in m.network.named_parameters()}
    if is_plain(m.network):
        layers = (x for x in m.network.modules() if isinstance(x, _ConvNd | nn.Linear))
        return {names[id(layer.weight)]: layer.weight for layer in layers}
    return {name: parts[0] for name, parts in weights_in(m, forward(m).account).items()}


def weights_in(m: Measurement, account: Account) -> dict[str, list[Tensor]]:
    """The weights of a pass, in the order of their parameters: one for each time it was made.

    Raises:
        Unsupported: the part of a parameter is not known, or a parameter is a weight by itself and
            a part of another.
    """
    account.check()
    places = {name: place for place, (name, _) in enumerate(m.network.named_parameters())}
    plain = {key for key in account.weights if isinstance(key, str)}
    found: dict[str, list[Tensor]] = {}
    for made in sorted(account.weights.values(), key=lambda made: places[made[0].names[0]]):
        shared = plain & set(made[0].names) if not made[0].is_parameter else ()
        if shared:
            raise Unsupported(
                f"the parameter {min(shared)!r} is the weight of one linear map and a part of "
                "another's"
            )
        found[_label(made[0], found)] = [one.tensor for one in made]
    return found


def made_weights(m: Measurement) -> dict[str, list[Tensor]]:
    """Those of `layer_weights` that are computed, each as often as it was in the shared pass."""
    if is_plain(m.network):
        return {}
    own = dict(m.network.named_parameters())
    found = weights_in(m, forward(m).account)
    return {name: parts for name, parts in found.items() if name not in own}


def parts_of_weights(m: Measurement) -> set[str]:
    """The parameters that computed weights are made of."""
    if is_plain(m.network):
        return set()
    weights = forward(m).account.weights.values()
    return {name for made in weights if not made[0].is_parameter for name in made[0].names}


def _label(made: Made, taken: dict[str, list[Tensor]]) -> str:
    if made.is_parameter:
        return made.names[0]
    label = " and ".join(made.names)
    return f"weight {len(taken)}, of {label}"
