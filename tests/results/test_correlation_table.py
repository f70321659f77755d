import math
import pickle
from dataclasses import replace

import pandas as pd

from untrained.results import CorrelationRow, CorrelationTable, TableRow


def table_row(indicator, tau, **changes):
    correlation = CorrelationRow(
        indicator=indicator,
        n=90,
        n_population=100,
        tau=tau,
        tau_low=tau - 0.1,
        tau_high=tau + 0.1,
        rho=0.5,
        rho_low=0.4,
        rho_high=0.6,
        tau_failures_last=0.3,
        ties_score=0.0,
        ties_truth=0.1,
        delta_tau=0.0,
        delta_low=-0.1,
        delta_high=0.1,
        delta_p=1.0,
        delta_p_holm=1.0,
        n_common=80,
        tau_common=tau,
        n_finite=70,
        tau_finite=0.4,
    )
    fields = {
        "title": indicator.upper(),
        "version": 1,
        "protocol": "0123",
        "protocol_text": "cifar10 images, batch 64",
        "higher_is_better": True,
        "seeds": (0, 1),
        "failures": (("diverged", 7), ("timeout", 3)),
        "alone_s": 0.25,
    }
    return TableRow(correlation=correlation, **{**fields, **changes})


def table(*rows):
    return CorrelationTable(
        title="t",
        space="nasbench201",
        population="100 of 15,625, seed 0",
        n_population=100,
        target="cifar10 test accuracy",
        truth_source="nasbench201.parquet",
        truth_sha256="ab",
        resamples=1000,
        confidence=0.95,
        bootstrap_seed=0,
        command="untrained run nasbench201-quick",
        notes=(),
        rows=rows,
    )


def test_rows_are_ranked_by_tau_with_undefined_ones_last_and_ties_by_name():
    rows = [table_row(*r) for r in (("n", math.nan), ("b", 0.5), ("a", 0.5), ("z", 0.7), ("k", -1))]
    for given in (rows, rows[::-1]):
        shown = table(*given).frame()
        assert shown["indicator"].tolist() == ["z", "a", "b", "k", "n"]
        assert [r.correlation.indicator for r in table(*given).ranked] == ["z", "a", "b", "k", "n"]


def test_rows_stand_by_their_tau_on_common_networks():
    rows = []
    for name, own, common in (("few", 0.9, math.nan), ("a", 0.5, 0.4), ("b", 0.4, 0.5)):
        row = table_row(name, own)
        rows.append(replace(row, correlation=replace(row.correlation, tau_common=common)))
    assert [row.indicator for row in table(*rows).ranked] == ["b", "a", "few"]


def test_the_frame_has_one_plain_column_for_each_number():
    (record,) = table(table_row("snip", 0.5)).frame().to_dict("records")
    assert record["coverage"] == 0.9
    assert (record["tau_low"], record["tau"], record["tau_high"]) == (0.4, 0.5, 0.6)
    assert record["seeds"] == "0 1"
    assert record["failures"] == "diverged 7; timeout 3"
    assert record["title"] == "SNIP"
    assert (record["version"], record["protocol"]) == (1, "0123")


def test_the_frame_shows_every_field_of_its_rows():
    columns = set(table().frame().columns)
    fields = {*CorrelationRow.__dataclass_fields__, *TableRow.__dataclass_fields__}
    nested = {"correlation", "top", "size_bias", "best_baseline", "stability", "functions", "batch"}
    assert fields - nested <= columns


def test_a_frame_survives_csv(tmp_path):
    frame = table(table_row("snip", 0.5), table_row("n", math.nan, failures=())).frame()
    frame.to_csv(tmp_path / "t.csv", index=False)
    texts = {"protocol": str, "members": str}
    again = pd.read_csv(tmp_path / "t.csv", dtype=texts, keep_default_na=True)
    pd.testing.assert_frame_equal(
        again.fillna({"failures": "", "members": ""}), frame, check_dtype=False, rtol=1e-15
    )


def test_a_table_is_a_value():
    one = table(table_row("snip", 0.5))
    assert pickle.loads(pickle.dumps(one)) == one == table(table_row("snip", 0.5))


def test_a_notebook_shows_a_table():
    shown = table(table_row("naswot", 0.5), table_row("<b>", math.nan))._repr_html_()
    assert shown.startswith("<p>")
    assert "<th>naswot</th>" in shown
    assert "0.500" in shown
    assert "nan" not in shown
    assert "&lt;b&gt;" in shown
