"""Search spaces: architectures, networks, ground truth."""

from untrained.spaces.architecture import Architecture
from untrained.spaces.benchmark import Benchmark
from untrained.spaces.benchmark_choice import find_benchmark
from untrained.spaces.data_location import data_folder
from untrained.spaces.initialisation import find_initialisation, initialisations, initialise
from untrained.spaces.network import Network
from untrained.spaces.registry import benchmarks, register_benchmark, register_space, spaces
from untrained.spaces.search_space import SearchSpace
from untrained.spaces.target import Provenance, Target

__all__ = [
    "Architecture",
    "Benchmark",
    "Network",
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
