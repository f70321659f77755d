"""Spaces of transformers: published parameter counts, and networks against other spellings."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.fft
import torch
from torch import Tensor, nn

from untrained.foundation import MalformedInput, Unsupported
from untrained.spaces import benchmarks, data_folder, find_benchmark, spaces
from untrained.spaces.transformers.autoformer import RelativeAttention
from untrained.spaces.transformers.flexibert import (
    DynamicConvolution,
    EncoderLayer,
    FlexiBERT,
    Fourier,
    WordStem,
)
from untrained.spaces.transformers.gpt import CausalAttention, GPTNetwork, rotated
from untrained.spaces.transformers.layers import Block, SelfAttention, places_of

LAYER = {
    "feed_forward_dimension": 512,
    "num_feed_forward": 3,
    "num_operation_heads": 4,
    "operation_parameter": "SDP",
    "operation_type": "SA",
}
WRITTEN = {"channels": 16, "cells": 5}


def flexibert(*layers: dict[str, object], width: int = 256) -> str:
    return json.dumps({"hidden_size": width, "encoder_layers": [LAYER | one for one in layers]})


@cache
def _of_layer(text: str) -> int:
    return sum(p.numel() for p in EncoderLayer(json.loads(text), 256, 1024).parameters())


def test_every_published_parameter_count_of_flexibert() -> None:
    path = data_folder() / "extra" / "flexibert_glue_500.parquet"
    if not path.is_file():
        pytest.skip("no scores of NAS-Bench-BERT: set UNTRAINED_DATA to a folder that has them")
    table = pd.read_parquet(path)
    of_stem = sum(p.numel() for p in WordStem(128, 256).parameters())
    layers = [json.loads(text)["nas_config"]["encoder_layers"] for text in table["nas_config_json"]]
    counted = [of_stem + sum(_of_layer(json.dumps(one)) for one in some) for some in layers]
    assert counted == table["proxy_number_of_parameters"].tolist()
    assert len(counted) == 500


def test_the_parameters_of_one_flexibert_network() -> None:
    """Number 0 of the benchmark; the classifier of two classes comes on top."""
    text = flexibert(
        {"operation_parameter": "WMA"},
        {"operation_parameter": "DCT", "operation_type": "LT", "num_operation_heads": 2},
        {},
        {"num_feed_forward": 1},
    )
    network = spaces["flexibert"].build(text, num_classes=2, **WRITTEN)
    assert sum(p.numel() for p in network.parameters()) == 13_330_176 + 2 * 257


@pytest.mark.parametrize(
    ("scale", "width", "depth", "ratio", "heads"),
    [("tiny", 192, 12, 4, 3), ("small", 384, 13, 3.5, 6)],
)
def test_parameters_of_the_autoformer_supernets(scale, width, depth, ratio, heads):
    """By hand; the published counts are compared in the next test."""
    text = json.dumps(
        {"depth": depth, "embed_dim": width, "mlp_ratio": [ratio] * depth}
        | {"num_heads": [heads] * depth, "space": scale}
    )
    inside, hidden = 64 * heads, int(ratio * width)
    block = 4 * width + 3 * inside * (width + 1) + width * (inside + 1)
    block += hidden * (width + 1) + width * (hidden + 1) + 4 * 30 * 64
    total = 768 * width + width + 198 * width + depth * block + 2 * width + 1000 * (width + 1)
    space = spaces["autoformer_supernets"]
    assert space.num_parameters(text, num_classes=1000, **WRITTEN) == total


def test_published_parameters_of_the_autoformer_supernets() -> None:
    benchmark = benchmarks["vit_autoformer_ood"]
    if benchmark.missing():
        pytest.skip("no table of OoD-ViT-NAS: set UNTRAINED_DATA to a folder that has it")
    table = benchmark.table(dataset="imagenet", metric="params_millions")
    for text, millions in table.sample(6, random_state=0).itertuples(index=False):
        count = spaces["autoformer_supernets"].num_parameters(text, num_classes=1000, **WRITTEN)
        assert count / 1e6 == pytest.approx(millions, abs=4e-6)


def torch_layer(width: int, heads: int, hidden: int, *, first: bool) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(
        width, heads, hidden, 0.0, "gelu", batch_first=True, norm_first=first, dtype=torch.float64
    )


def copy(source: nn.Linear | nn.LayerNorm, target: nn.Linear | nn.LayerNorm) -> None:
    target.load_state_dict(source.state_dict())


def test_a_block_of_vision_transformers_is_torch_s_encoder_layer() -> None:
    torch.manual_seed(0)
    block = Block(SelfAttention(12, 3, 4), 12, 20).double()
    other = torch_layer(12, 3, 20, first=True)
    other.norm1.eps = other.norm2.eps = 1e-6
    other.self_attn.in_proj_weight.data = block.attention.qkv.weight.data
    other.self_attn.in_proj_bias.data = block.attention.qkv.bias.data
    for mine, its in (
        (block.attention.projection, other.self_attn.out_proj),
        (block.mlp.enter, other.linear1),
        (block.mlp.leave, other.linear2),
    ):
        copy(mine, its)
    x = torch.randn(2, 5, 12, dtype=torch.float64)
    torch.testing.assert_close(block(x), other(x))


def test_relative_attention_against_a_loop() -> None:
    torch.manual_seed(0)
    layer = RelativeAttention(6, 2, 4).double()
    x = torch.randn(1, 10, 6, dtype=torch.float64)  # a token and 3 x 3 patches
    q, k, v = (part.unflatten(-1, (2, 4))[0] for part in layer.qkv(x).chunk(3, -1))
    rows = torch.zeros(10, 10, 4, 4, dtype=torch.float64)
    for i in range(10):
        for j in range(10):
            down = right = 0
            if i and j:
                down = (j - 1) // 3 - (i - 1) // 3 + 15
                right = (j - 1) % 3 - (i - 1) % 3 + 15
            rows[i, j] = torch.stack(
                [layer.tables[n][p] for n, p in ((0, down), (1, right), (2, down), (3, right))]
            )
    out = []
    for head in range(2):
        for i in range(10):
            scores = [
                q[i, head] @ (k[j, head] + rows[i, j, 0] + rows[i, j, 1]) / 2 for j in range(10)
            ]
            chances = torch.stack(scores).softmax(0)
            out.append(
                sum(chances[j] * (v[j, head] + rows[i, j, 2] + rows[i, j, 3]) for j in range(10))
            )
    joined = torch.stack(out).unflatten(0, (2, 10)).transpose(0, 1).flatten(1)
    torch.testing.assert_close(layer(x)[0], layer.projection(joined))


def test_positions_are_those_of_the_nearest_published_place() -> None:
    assert places_of(14, 14).tolist() == list(range(196))
    assert places_of(2, 14).tolist() == [0, 7, 98, 105]


@pytest.mark.parametrize("name", ["autoformer", "pit"])
def test_a_vision_transformer_reads_several_resolutions(name: str) -> None:
    space = spaces[name]
    network = space.build(
        space.sample(np.random.default_rng(0)), num_classes=7, channels=2, cells=1
    ).eval()
    for side in (32, 64):
        assert network(torch.randn(2, 3, side, side)).shape == (2, 7)
    x = torch.randn(1, 3, 64, 64)
    swapped = torch.cat([x[..., 32:], x[..., :32]], dim=-1)
    assert not torch.allclose(network(x), network(swapped), rtol=1e-4)


def test_pit_never_has_fewer_heads_than_before() -> None:
    text = '{"base_dim":16,"depth":[2,8,4],"mlp_ratio":6,"num_heads":[4,2,4]}'
    with pytest.raises(MalformedInput, match="fewer num_heads than the one before"):
        spaces["pit"].parse(text)


def test_an_encoder_layer_of_attention_is_torch_s() -> None:
    torch.manual_seed(0)
    layer = EncoderLayer(LAYER | {"num_feed_forward": 1}, 8, 12).double()
    other = torch_layer(8, 4, 12, first=False)
    other.norm1.eps = other.norm2.eps = 1e-12
    mixing = layer.mixing
    parts = [mixing.get_submodule(name) for name in ("query", "key", "value")]
    other.self_attn.in_proj_weight.data = torch.cat([part.weight.data for part in parts])
    other.self_attn.in_proj_bias.data = torch.cat([part.bias.data for part in parts])
    for mine, its in (
        (layer.projection, other.self_attn.out_proj),
        (layer.enter[0], other.linear1),
        (layer.leave, other.linear2),
    ):
        copy(mine, its)
    x = torch.randn(2, 5, 8, dtype=torch.float64)
    torch.testing.assert_close(layer(x), other(x))


@pytest.mark.parametrize("cosine", [False, True])
def test_transforms_of_words_are_those_of_scipy(cosine: bool) -> None:
    torch.manual_seed(0)
    layer = Fourier(6, 2, cosine=cosine).double()
    x = torch.randn(2, 5, 6, dtype=torch.float64)
    heads = layer.input(x).detach().numpy().reshape(2, 5, 2, 3)
    for head in range(2):
        part = heads[:, :, head]
        wanted = scipy.fft.dctn(part, 2, axes=(1, 2)) if cosine else scipy.fft.fft2(part).real
        got = layer(x).detach().numpy().reshape(2, 5, 2, 3)[:, :, head]
        np.testing.assert_allclose(got, wanted, atol=1e-12)


def test_a_dynamic_convolution_against_a_loop() -> None:
    torch.manual_seed(0)
    layer = DynamicConvolution(8, 4, 3).double()  # two heads of width 2 attend, two convolve
    x = torch.randn(1, 5, 8, dtype=torch.float64)
    with torch.no_grad():
        query = layer.query(x)
        near = layer.pointwise(layer.depthwise(x.transpose(1, 2))).transpose(1, 2)
        kernels = layer.kernels(near * query)[0].reshape(5, 2, 3).softmax(-1)
        inside = layer.convolved(x)[0].reshape(5, 2, 2)
        out = layer(x)[0].reshape(5, 4, 2)
        for t in range(5):
            for head in range(2):
                wanted: Tensor | float = 0.0
                for tap in range(3):
                    if 0 <= t + tap - 1 < 5:
                        wanted = wanted + kernels[t, head, tap] * inside[t + tap - 1, head]
                torch.testing.assert_close(out[t, 2 + head], wanted)


def test_the_published_networks_do_not_depend_on_the_widths_described() -> None:
    space, described = spaces["flexibert"], spaces["flexibert_described"]
    assert isinstance(space, FlexiBERT)
    text = flexibert(LAYER, LAYER | {"feed_forward_dimension": 1024})
    narrow = flexibert(LAYER, LAYER, width=128)
    assert space.canonical(text) == space.parse(narrow)
    assert described.canonical(text) == described.parse(text)
    counts = [
        one.num_parameters(t, num_classes=2, **WRITTEN)
        for one in (space, described)
        for t in (text, narrow)
    ]
    assert counts[0] == counts[1] > counts[2] > counts[3]


def test_rotary_products_depend_on_the_distance_alone() -> None:
    torch.manual_seed(0)
    q, k = (torch.randn(8, dtype=torch.float64).expand(6, 8) for _ in range(2))
    products = rotated(q) @ rotated(k).T
    for distance in range(-5, 6):
        along = products.diagonal(distance)
        torch.testing.assert_close(along, along[:1].expand_as(along))
    torch.testing.assert_close(rotated(q)[:, 4:], q[:, 4:])
    assert not torch.allclose(products[0, 0], products[0, 3])


def test_causal_attention_is_torch_s_with_rotated_queries_and_keys() -> None:
    torch.manual_seed(0)
    layer = CausalAttention(6, 2, 8, bias=False).double()
    x = torch.randn(2, 5, 6, dtype=torch.float64)
    q, k, v = (p.unflatten(-1, (2, 8)).transpose(1, 2) for p in layer.qkv(x).chunk(3, -1))
    attended = nn.functional.scaled_dot_product_attention(rotated(q), rotated(k), v, is_causal=True)
    wanted = layer.projection(attended.transpose(1, 2).flatten(2))
    torch.testing.assert_close(layer(x), wanted)


def test_the_decoder_of_gpt_is_tied_and_counted_once() -> None:
    space = spaces["hwgpt_s"]
    text = space.sample(np.random.default_rng(3))
    network = space.build(text, num_classes=11, channels=16, cells=5)
    assert isinstance(network, GPTNetwork)
    here = space.decisions_of(text)
    width, bias = here.width, int(here.bias)
    total = 11 * width + 2 * width
    for heads, ratio in zip(here.heads, here.ratios, strict=True):
        inside, hidden = 64 * heads, ratio * width
        total += 4 * width + 3 * inside * (width + bias) + width * (inside + bias)
        total += hidden * (width + bias) + width * (hidden + bias)
    assert sum(p.numel() for p in network.parameters()) == total
    with pytest.raises(Unsupported, match="reads words \\(batch, time\\)"):
        network(torch.randn(2, 3, 8, 8))


@pytest.mark.parametrize(
    ("space", "text", "reason"),
    [
        ("autoformer", "[]", "it is no JSON object"),
        ("autoformer", '{"depth":12}', "has not the keys depth, hidden_dim"),
        ("hwgpt_s", '{"scale":"m"}', "has not the keys"),
        ("flexibert", '{"encoder_layers":[1],"hidden_size":128}', "no list of 2 or 4 layers"),
        ("flexibert", '{"encoder_layers":[1,2],"hidden_size":128}', "layer 1 has not the keys"),
        ("pit", '{"base_dim":16.0,"depth":[1,4,2],"mlp_ratio":2,"num_heads":[2,2,2]}', "16.0"),
    ],
)
def test_what_is_wrong_is_said(space: str, text: str, reason: str) -> None:
    with pytest.raises(MalformedInput, match="Write, for example, ") as caught:
        spaces[space].parse(text)
    assert reason in str(caught.value)


@pytest.fixture
def tables() -> Path:
    folder = data_folder() / "tables"
    if not (folder / "hwgpt.parquet").is_file():
        pytest.skip("no table of HW-GPT-Bench: set UNTRAINED_DATA to a folder that has it")
    return folder


def test_the_table_of_three_scales_is_three_benchmarks(tables: Path) -> None:
    for scale in "sml":
        benchmark = find_benchmark(f"hwgpt_{scale}")
        table = benchmark.table()
        assert (len(table), benchmark.provenance.kind) == (1500, "surrogate")
        assert all(text in spaces[f"hwgpt_{scale}"] for text in table["architecture"][::100])


def test_architectures_of_a_foreign_notation_are_parsed(tables: Path) -> None:
    table = benchmarks["vit_autoformer_ood"].table()
    space = spaces["autoformer_supernets"]
    assert len(table) == 3003
    assert all(space.parse(text).text == text for text in table["architecture"][::500])
