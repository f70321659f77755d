"""Scores of FlexiBERT networks against those that the benchmark's authors released."""

import json
from pathlib import Path

import pandas as pd
import pytest

from untrained.spaces import data_folder, spaces

COMMITTED = Path(__file__).parents[2] / "results" / "committed" / "flexibert-quick"
AGREEMENT = {
    "params": ("number_of_parameters", 1.0),
    "attention_confidence": ("head_confidence", 0.956),
    "head_importance": ("head_importance", 0.912),
    "synaptic_diversity": ("synaptic_diversity", 0.936),
    "synaptic_saliency": ("synaptic_saliency", 0.631),
    "activation_distance": ("activation_distance", 0.505),
    "softmax_confidence": ("head_softmax_confidence", -0.094),
}
"""Name and Spearman's rho; 32 random words here, texts of 512 there, and rounding errors for those
of the gradient. Theirs of softmax counts transforms, whose softmax no network uses."""


@pytest.fixture(scope="module")
def released() -> pd.DataFrame:
    path = data_folder() / "extra" / "flexibert_glue_500.parquet"
    if not path.is_file():
        pytest.skip("no scores of NAS-Bench-BERT: set UNTRAINED_DATA to a folder that has them")
    table = pd.read_parquet(path)
    space = spaces["flexibert"]

    def text(configuration: str) -> str:
        given = json.loads(configuration)
        layers = given["nas_config"]["encoder_layers"]
        written = {"hidden_size": given["hidden_size"], "encoder_layers": layers}
        return space.parse(json.dumps(written)).text

    texts = [text(one) for one in table["nas_config_json"]]
    table = table.set_axis(texts)
    return table[~table.index.duplicated()]


@pytest.mark.parametrize("name", list(AGREEMENT))
def test_agreement_with_the_released_scores(released: pd.DataFrame, name: str) -> None:
    scores = pd.read_parquet(COMMITTED / "scores.parquet")
    own = scores[scores["indicator"] == name].set_index("architecture")["value"].dropna()
    theirs, wanted = AGREEMENT[name]
    both = pd.concat([own, released[f"proxy_{theirs}"]], axis=1, join="inner")
    assert len(both) == len(own) >= 91
    assert both.corr("spearman").iloc[0, 1] == pytest.approx(wanted, abs=1e-3)
    if name == "params":  # theirs have no classifier
        assert (both.iloc[:, 0] - both.iloc[:, 1] == 2 * 257).all()
