"""A report over several targets: a table each, and which indicator serves which."""

from pathlib import Path

import numpy as np

from untrained.spaces import spaces


def test_a_report_over_several_targets(untrained, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts = [spaces["nasbench201"].sample(rng).text for _ in range(30)]
    texts = list(dict.fromkeys(texts))
    one, other = rng.normal(size=(2, len(texts)))
    for name, heading, columns in (
        ("scores", "architecture,of_one,of_other", (one, other)),
        ("truth", "architecture,one_accuracy,other_accuracy", (50 + one, 50 + other)),
    ):
        lines = [",".join([t, *map(str, row)]) for t, *row in zip(texts, *columns, strict=True)]
        (tmp_path / f"{name}.csv").write_text("\n".join([heading, *lines]), encoding="utf-8")
    code, _, error = untrained(
        *("report", "--scores", str(tmp_path / "scores.csv"), "--space", "nasbench201"),
        *("--truth", str(tmp_path / "truth.csv"), "--metric", "one_accuracy,other_accuracy"),
        *("--formats", "markdown", "--output", str(tmp_path), "--resamples", "20"),
    )
    assert code == 0, error
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    tables = [part for part in text.split("\n## ") if "Ground truth:" in part]
    assert ["one accuracy" in part.splitlines()[0] for part in tables] == [True, False]
    firsts = [
        next(line for line in part.splitlines() if line.startswith("| of_")) for part in tables
    ]
    assert [line.split("|")[1].strip() for line in firsts] == ["of_one", "of_other"]
    assert "Indicators over tasks" in text
