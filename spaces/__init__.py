"""Search spaces: architectures, networks, ground truth."""

from untrained.spaces.benchmarks.benchmark import Benchmark, Provenance, Target
from untrained.spaces.benchmarks.benchmark_choice import data_folder, find_benchmark
from untrained.spaces.framework.initialisation import (
    find_initialisation,
    initialisations,
    initialise,
)
from untrained.spaces.framework.network import Network
from untrained.spaces.framework.product_space import ProductSpace
from untrained.spaces.framework.registry import (
    benchmarks,
    register_benchmark,
    register_space,
    spaces,
)
from untrained.spaces.framework.search_space import Architecture, SearchSpace

__all__ = [
    "Architecture",
    "Benchmark",
    "Network",
    "ProductSpace",
    "Provenance",
    "SearchSpace",
    "Target",
    "benchmarks",
    "data_folder",
    "find_benchmark",
    "find_initialisation",
    "initialisations",
    "initialise",
    "register_benchmark",
    "register_space",
    "spaces",
]
