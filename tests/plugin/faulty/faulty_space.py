"""A space that breaks promises."""

from __future__ import annotations

from untrained.spaces import Architecture, register_space
from untrained.spaces.nasbench201.space import NASBench201


class Biased(NASBench201):
    """NAS-Bench-201 with a coin that nearly always falls on one side."""

    name = "biased"
    title = "Faulty: biased"

    def sample(self, rng) -> Architecture:
        """Mostly one network."""
        if rng.random() < 0.5:
            return self.parse("|none~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|")
        return super().sample(rng)

    def num_parameters(self, arch, **size) -> int:
        """One too many."""
        return super().num_parameters(arch, **size) + 1


register_space(Biased())
