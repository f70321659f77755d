"""Promises of search spaces are broken by spaces that are made for it."""

import numpy as np
import pytest
import torch

from untrained.harness.contract import examine_space, space_promises
from untrained.spaces import Architecture, SearchSpace
from untrained.spaces.nasbench201.natsbench_sss import NATSBenchSize
from untrained.spaces.nasbench201.space import NASBench201
from untrained.spaces.nasbenchgraph.space import NASBenchGraph
from untrained.spaces.nasbenchnlp.space import NASBenchNLP
from untrained.spaces.transformers.flexibert import FlexiBERT

FIRST = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
OTHER = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|"


def made(**changes) -> SearchSpace:
    """NAS-Bench-201 with some of its attributes replaced."""
    return type("Faulty", (NASBench201,), changes)()


def forgiving(self, arch):
    if not isinstance(arch, Architecture) and arch.count("~") != 6:
        arch = FIRST
    return NASBench201.parse(self, arch)


def strict(self, arch):
    if isinstance(arch, str) and arch != arch.strip():
        raise ValueError("a blank")
    return NASBench201.parse(self, arch)


def biased(self, rng):
    drawn = NASBench201.sample(self, rng)
    return self.parse(FIRST) if rng.random() < 0.1 else drawn


def deaf(self, rng):
    return NASBench201.sample(self, np.random.default_rng(0))


def one_sided(self, arch):
    return [n for n in NASBench201.neighbors(self, arch) if n.text > self.parse(arch).text]


def jumping(self, arch, rng):
    return self.sample(rng)


def twice(self):
    for arch in NASBench201.__iter__(self):
        yield arch
        yield arch


def all_one(self, arch):
    return self.parse(OTHER)


def uncounted(self, arch, **size):
    return NASBench201.num_parameters(self, arch, **size) + 1


def lenient(self, arch, **size):
    return NASBench201.build(self, arch, **{k: v or 1 for k, v in size.items()})


def in_evaluation(self, arch, **size):
    return NASBench201.build(self, arch, **size).eval()


def in_float32(self, arch, **size):
    net = NASBench201.build(self, arch, **size)
    net.classifier.register_forward_hook(lambda module, args, out: out.float().double())
    net.classifier.register_forward_hook(lambda module, args, out: out.to(torch.float32))
    return net


def narrow(self, arch, **size):
    return NASBench201.build(self, arch, **{**size, "num_classes": 5})


def thick(self, arch, *, num_classes, channels=1):
    net = NASBench201.build_thin(self, arch, num_classes=num_classes, channels=channels)
    net.eggs = torch.nn.Linear(1000, 1000)
    return net


def thin_anyway(self, arch, *, num_classes, channels=1):
    return NASBench201.build_thin(self, arch, num_classes=num_classes or 1, channels=channels or 1)


def faulty_network(space: type[SearchSpace], spoil) -> SearchSpace:
    """A space whose networks are spoilt after they are built."""

    def build(self, arch, **size):
        net = space.build(self, arch, **size)
        spoil(net)
        return net

    return type("Faulty", (space,), {"build": build})()


def mix_sequences(net):
    axis = 1 if net.axes == "(time, batch)" else 0
    net.register_forward_hook(lambda module, args, out: out + out.mean(axis, keepdim=True))


def sort_words(net):
    net.register_forward_pre_hook(lambda module, args: (args[0].sort(dim=1)[0],))


def take_images(net):
    net.features = lambda x: x


def part_nodes(net):
    for module in net.modules():
        if hasattr(module, "degree"):
            module.degree = 0.0


def without_thin() -> SearchSpace:
    space = NATSBenchSize()
    space.build_thin = lambda arch, **size: NASBench201().build_thin(FIRST, **size)
    return space


WORDS = "a_network_of_words_gives_logits_of_sequences_and_refuses_images"
IN_TIME = "a_recurrent_network_gives_logits_of_words_and_refuses_images"
OF_NODES = "a_network_of_nodes_gives_logits_of_nodes_and_refuses_images"
FAULTY = [
    ("it_says_what_it_is", made(name="Faulty"), "is not lower case"),
    ("parsing_the_text_gives_the_architecture_back", made(parse=strict), "ValueError: a blank"),
    ("what_it_does_not_hold_is_refused", made(parse=forgiving), "is `in` it"),
    ("a_damaged_text_is_refused_or_another_member", made(parse=strict), "raises ValueError"),
    ("sampling_follows_the_generator", made(sample=deaf), "draw the same 20 architectures"),
    ("sampling_is_uniform", made(sample=biased), "not uniform over its enumeration"),
    ("enumeration_gives_each_member_once_in_constant_memory", made(__iter__=twice), "31250"),
    ("canonical_is_a_member_and_its_own_canonical", made(canonical=all_one), "is_constant differs"),
    ("neighbors_are_distinct_members_and_mutual", made(neighbors=one_sided), "the other way round"),
    ("a_mutation_is_a_neighbor_and_follows_the_generator", made(mutate=jumping), "no neighbour"),
    (
        "the_number_of_parameters_is_that_of_the_built_network",
        made(num_parameters=uncounted),
        "its network has",
    ),
    ("a_network_of_nothing_is_refused[cells]", made(build=lenient), "with cells=0 it builds"),
    (
        "a_built_network_gives_logits_features_and_stages",
        made(build=in_evaluation),
        "training mode",
    ),
    ("a_network_follows_dtype_and_batch", made(build=in_float32), "are torch.float32"),
    ("a_network_can_be_built_for_every_protocol[cpu]", made(build=narrow), "give logits of the sh"),
    ("a_thin_network_sees_a_few_pixels_in_its_own_channels", made(build_thin=thick), "parameters"),
    (
        "a_thin_network_of_nothing_or_of_no_member_is_refused[channels]",
        made(build_thin=thin_anyway),
        "with channels=0 it builds a thin network",
    ),
    ("canonical_merges_only_what_computes_the_same", made(canonical=all_one), "outputs differ"),
    (WORDS, faulty_network(FlexiBERT, mix_sequences), "a sequence knows of others"),
    (WORDS, faulty_network(FlexiBERT, sort_words), "the order of words does not matter"),
    (WORDS, faulty_network(FlexiBERT, take_images), "takes images"),
    (IN_TIME, faulty_network(NASBenchNLP, mix_sequences), "a sequence knows of others"),
    (IN_TIME, faulty_network(NASBenchNLP, take_images), "takes images"),
    (OF_NODES, faulty_network(NASBenchGraph, part_nodes), "in no network a node knows of others"),
    (OF_NODES, faulty_network(NASBenchGraph, take_images), "takes images"),
    ("a_space_without_thin_networks_says_so", without_thin(), "without a method of its own"),
]


def test_a_space_that_nobody_has_registered_is_examined() -> None:
    findings = examine_space(NATSBenchSize())
    assert [f for f in findings if f.kept is False] == []
    assert sum(f.kept is True for f in findings) >= 18


def test_there_is_a_faulty_space_for_each_promise() -> None:
    promises = {one.name.partition("[")[0] for one in space_promises(made())}
    assert promises == {name.partition("[")[0] for name, _, _ in FAULTY}


@pytest.mark.parametrize(
    ("name", "space", "text"), FAULTY, ids=[f"{name}-{text}" for name, _, text in FAULTY]
)
def test_a_faulty_space_breaks_its_promise(name: str, space: SearchSpace, text: str) -> None:
    finding = space_promises(space)[name].finding(space)
    assert finding.kept is False
    assert text in finding.detail
