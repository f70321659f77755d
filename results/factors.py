"""What a change of protocol does to an indicator: a factorial study."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FactorLevel:
    """One level of one factor, averaged over all settings of the others."""

    level: str
    n_cells: int
    """Protocols with this level."""
    tau: float
    """Mean tau-b with the truth."""
    effect: float
    """`tau` minus the mean over all protocols: the main effect on tau."""
    agreement: float
    """Mean of Spearman's rho between the scores under this level and those under the reference
    level, all other factors equal; 1 for the reference itself."""


@dataclass(frozen=True, slots=True)
class FactorEffect:
    """The main effect of one factor on one indicator."""

    indicator: str
    factor: str
    """`batch_size`, `inputs`, `initialisation`, ..."""
    reference: str
    """The level that others are compared with."""
    n: int
    """Networks that have a score under every protocol and a true value."""
    levels: tuple[FactorLevel, ...]
    """The reference first, then in the order given."""
    share: float
    """Variance of tau between the levels' means over the variance of tau between all protocols:
    1 where nothing else matters, NaN where tau never changes."""
