import subprocess
import sys
from collections.abc import Callable

import pandas as pd
import pytest
from rich.console import Console

from untrained.reports import Report, Section, correlation_table, formats, note_lines
from untrained.reports.tables.columns import correlation_grid
from untrained.reports.tables.facts import facts
from untrained.results import CorrelationTable, TableRow

HEAVY = ("matplotlib", "seaborn", "jinja2", "rich")


@pytest.mark.parametrize("look_up", ["", "; list(untrained.reports.formats)"])
def test_importing_the_room_loads_nothing_heavy(look_up: str) -> None:
    code = (
        f"import sys, untrained.reports{look_up}; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_section_wants_scores_and_truth_or_neither(
    table: Callable[..., CorrelationTable],
) -> None:
    with pytest.raises(ValueError, match="both the scores and the truth"):
        Section(table(), truth=pd.Series({"a": 1.0}))


def test_a_section_names_the_indicator_it_has_no_scores_of(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> None:
    scores = pd.DataFrame({"snip": {"a": 1.0}})
    with pytest.raises(ValueError, match="has no scores of naswot; its columns are snip"):
        Section(table(row("naswot"), row("snip")), scores, pd.Series({"a": 1.0}))


def test_a_section_refuses_an_architecture_that_stands_twice(
    table: Callable[..., CorrelationTable],
) -> None:
    scores = pd.DataFrame({"naswot": [1.0, 2.0]}, index=["a", "a"])
    with pytest.raises(ValueError, match="hold 'a' twice"):
        Section(table(), scores, pd.Series({"a": 1.0}))


def printed(table: CorrelationTable, width: int) -> list[str]:
    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(correlation_table(table, width=width))
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_a_terminal_table_is_never_cut(varied_table: CorrelationTable, width: int) -> None:
    lines = printed(varied_table, width)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "…" not in text
    for expected in ("grad_norm ↓³", "0.574 [0.541, 0.606]", "-0.426 [-0.455, -0.397]"):
        assert expected in text


def test_columns_that_do_not_fit_are_named(varied_table: CorrelationTable) -> None:
    assert not any("too narrow" in line for line in printed(varied_table, 200))
    (caption,) = (line for line in printed(varied_table, 80) if "too narrow" in line)
    for name in ("ties", "s/arch", "coverage"):
        assert name in caption


def test_names_in_a_terminal_are_no_markup(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> None:
    text = "\n".join(printed(table(row("[red]x[/red]"), title="[bold]t[/nothing]"), 200))
    assert "[red]x[/red]" in text
    assert "[bold]t[/nothing]" in text


def test_notes_explain_marks_arrows_and_failures(varied_table: CorrelationTable) -> None:
    lines = note_lines(varied_table)
    assert [line[0] for line in lines[:4]] == ["¹", "²", "³", "↓"]
    assert lines[4].startswith("grad_norm: 4 of 1,000 not ranked, 3 diverged, 1 timeout; tau-b -0.")


def test_a_complete_table_mentions_no_failures(table: Callable[..., CorrelationTable]) -> None:
    (line,) = note_lines(table())
    assert line.startswith("naswot v1: cifar10 images")
    assert "seed 0 (protocol 3fa9c1d2e4b50617)" in line


def test_scores_that_were_never_taken_are_said_to_be_missing(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> None:
    assert "naswot: 900 of 1,000 not ranked, no score" in note_lines(table(row(n=100)))[1]


def test_functions_stand_beside_architectures(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> None:
    over_functions = row(tau=0.25, tau_low=0.125, tau_high=0.375, delta_tau=0.0625, n=576)
    made = table(row(functions=over_functions.correlation), n_functions=576)
    shown = {c.name: c.cell(made.rows[0]).whole for c in correlation_grid(made).narrow}
    assert shown["tau_functions"] == "0.250 [0.125, 0.375]"
    assert shown["delta_functions"] == "+0.062 [-0.020, +0.014]"
    assert "rho" not in shown
    (line,) = formats["csv"].render(Report("", (Section(made),))).splitlines()[1:]
    assert ",576,0.250000,0.125000,0.375000,0.062500," in line
    assert "576; one architecture of each, drawn at random with seed 0" in facts(made)[2].text
    alone = [column.name for column in correlation_grid(table(row())).narrow]
    assert "rho" in alone
    assert not [name for name in alone if "functions" in name]


def test_rows_that_lack_networks_are_compared_on_common_ones(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> None:
    def line(*rows: TableRow, **changes: int) -> dict[str, str]:
        made = table(*rows, **changes)
        return {c.name: c.cell(made.rows[0]).whole for c in correlation_grid(made).narrow}

    apart = row("naswot", delta_tau=0.08, delta_low=0.05, delta_high=0.1, delta_p_holm=0.04)
    shown = line(apart, n_common=974)
    assert shown["delta"] == "+0.080* [+0.050, +0.100]"
    assert (shown["tau_common"], shown["tau_failures_last"]) == ("0.570", "0.574")
    assert not {"tau_common", "tau_failures_last"} & set(line(apart))
    alike = row("naswot", delta_p_holm=0.0501)
    assert line(alike)["delta"] == "-0.003 [-0.020, +0.014]"
    assert "* told apart from params at a family-wise level of 5 %" in note_lines(table(apart))[1]
    assert "(1 over architectures)" in note_lines(table(apart, row("params")))[1]
