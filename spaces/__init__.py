"""Search spaces: architectures, networks, ground truth."""

from untrained.spaces.benchmarks.benchmark import Benchmark, Provenance, Target, TrainingCost
from untrained.spaces.framework.dataset import Dataset
from untrained.spaces.framework.initialisation import (
    find_initialisation,
    initialisations,
    initialise,
)
from untrained.spaces.framework.network import Network, NetworkSize
from untrained.spaces.framework.product_space import ProductSpace
from untrained.spaces.framework.registry import (
    benchmarks,
    data_folder,
    datasets,
    find_benchmark,
    register_benchmark,
    register_space,
    spaces,
)
from untrained.spaces.framework.search_space import Architecture, SearchSpace

__all__ = [
    "Architecture",
    "Benchmark",
    "Dataset",
    "Network",
    "NetworkSize",
    "ProductSpace",
    "Provenance",
    "SearchSpace",
    "Target",
    "TrainingCost",
    "benchmarks",
    "data_folder",
    "datasets",
    "find_benchmark",
    "find_initialisation",
    "initialisations",
    "initialise",
    "register_benchmark",
    "register_space",
    "spaces",
]
