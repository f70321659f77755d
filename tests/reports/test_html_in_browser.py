"""The page in a real browser: nothing is logged, sorting, filtering and pointing work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from untrained.reports import Report, Section, formats
from untrained.reports.figures.scatter import CELLS as HEXAGONS
from untrained.reports.figures.scatter import points, representatives
from untrained.results import correlate

from .browser import Browser, needs_chromium
from .conftest import make_row, make_table

pytestmark = [needs_chromium, pytest.mark.slow]

CELLS = """
const table = document.querySelector("table.correlations");
const head = (name) => [...table.querySelectorAll("th")].find((h) => h.textContent.includes(name));
const names = () => [...table.tBodies[0].rows].map((r) => r.cells[0].dataset.value);
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    return Browser(tmp_path_factory.mktemp("chromium"))


@pytest.fixture(scope="module")
def drawn(drawn_report: Report) -> str:
    return formats["html"].render(drawn_report)


@pytest.fixture(scope="module")
def full(full_report: Report) -> str:
    return formats["html"].render(full_report)


def test_an_error_in_a_page_would_be_noticed(browser: Browser, drawn: str) -> None:
    with pytest.raises(AssertionError, match="nowhere is not defined"):
        browser.check(drawn, "return nowhere;")


def test_a_heading_sorts_and_turns_the_order(browser: Browser, drawn: str) -> None:
    found = browser.check(
        drawn,
        CELLS
        + """
        const before = names();
        head("Indicator").querySelector("button").click();
        const by_name = names();
        head("Indicator").querySelector("button").click();
        const turned = names();
        head("ties").querySelector("button").click();
        const ties = [...table.tBodies[0].rows].map((r) => r.querySelector(".ties").dataset.value);
        const state = head("ties").getAttribute("aria-sort");
        return { before, by_name, turned, ties, state };
        """,
    )
    assert found["by_name"] == sorted(found["before"])
    assert found["turned"] == found["by_name"][::-1]
    known = [float(value) for value in found["ties"] if value]
    assert known == sorted(known, reverse=True)
    assert found["ties"][len(known) :] == [""] * (len(found["ties"]) - len(known))
    assert found["state"] == "descending"


def test_every_table_of_the_page_can_be_sorted(browser: Browser, full: str) -> None:
    counts = browser.check(
        full,
        """
        return [...document.querySelectorAll("table.sortable")].map((table) => {
          const last = [...table.querySelectorAll("thead button")].at(-1);
          const before = table.tBodies[0].rows.length;
          last.click();
          return [before, table.tBodies[0].rows.length, last.closest("th").ariaSort];
        });
        """,
    )
    assert len(counts) >= 12
    for before, after, state in counts:
        assert before == after > 0
        assert state in ("ascending", "descending")


def test_the_filter_hides_rows_and_plots(browser: Browser, drawn: str) -> None:
    found: Any = browser.check(
        drawn,
        CELLS
        + """
        const box = document.querySelector(".filter"), input = box.querySelector("input");
        const visible = () => names().filter((_, i) => !table.tBodies[0].rows[i].hidden);
        const plots = () => [...table.closest("section").querySelectorAll("figure")]
          .filter((f) => !f.hidden).length;
        const type = (text) => { input.value = text; input.dispatchEvent(new Event("input")); };
        const offered = !box.hidden, all = names().length, all_plots = plots();
        type("GRA");
        const one = visible(), one_plot = plots(), said = box.querySelector("output").textContent;
        type("gra syn");
        const none = visible();
        type("");
        return { offered, all, all_plots, one, one_plot, said, none, again: visible().length };
        """,
    )
    assert found["offered"]
    assert found["one"] == ["grasp"]
    assert found["one_plot"] == 1
    assert found["said"] == f"1 of {found['all']} rows"
    assert found["none"] == []
    assert found["again"] == found["all"] == found["all_plots"] == 7


def test_pointing_at_a_dot_names_its_network(browser: Browser, drawn: str) -> None:
    found = browser.check(
        drawn,
        """
        const plot = [...document.querySelectorAll("figure")]
          .find((f) => f.querySelector("strong").textContent === "naswot").querySelector(".plot");
        const uses = [...plot.querySelectorAll('[id$="-points"] use')];
        const absent = plot.dataset.absent.split(" ").map(Number);
        return [0, 7, uses.length - 1].map((i) => {
          const box = uses[i].getBoundingClientRect();
          const place = { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 };
          plot.dispatchEvent(new PointerEvent("pointermove", place));
          return [i, plot.nextElementSibling.textContent, absent.length, uses.length];
        });
        """,
    )
    # five of the 120 networks, the first ones by number, have no finite score
    names = sorted(f"|op~{i}|" for i in range(5, 120))
    for i, name, absent, drawn_points in found:
        assert (absent, drawn_points) == (5, 115)
        assert name == names[i]


def test_pointing_at_a_density_names_the_best_network_nearby(browser: Browser) -> None:
    n = 2100
    rng = np.random.default_rng(0)
    index = pd.Index([f"network {i:04}" for i in range(n)])
    truth = pd.Series(rng.normal(90, 3, n), index)
    scores = pd.DataFrame({"naswot": truth + rng.normal(0, 3, n), "few": np.nan}, index)
    scores.loc[index[:50], "few"] = rng.normal(size=50)
    higher = {"naswot": True, "few": True}
    rows = correlate(scores, truth, higher_is_better=higher, resamples=2)
    table = make_table(*(make_row(row.indicator, tau=row.tau) for row in rows))
    page = formats["html"].render(Report("T", (Section(table, scores, truth),)))
    found = browser.check(
        page,
        """
        return [...document.querySelectorAll(".plot[data-names]")].map((plot) => {
          const uses = [...plot.querySelectorAll('[id$="-points"] use')];
          return [uses.length, [0, 9, uses.length - 1].map((i) => {
            const box = uses[i].getBoundingClientRect();
            const place = { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 };
            plot.dispatchEvent(new PointerEvent("pointermove", place));
            return plot.nextElementSibling.textContent;
          })];
        });
        """,
    )
    pairs = points(scores["naswot"], truth)
    chosen = [pairs.names[i] for i in representatives(pairs.places, pairs.y, shape=HEXAGONS)]
    expected = {len(names): [names[0], names[9], names[-1]] for names in (chosen, list(index[:50]))}
    assert dict(found) == expected
    assert len(chosen) < 500
    assert "Pointing at a dot names its network, at a shade the best one nearby." in page


def test_the_page_is_complete_without_its_script(browser: Browser, full: str) -> None:
    plain = re.sub(r"<script>.*</script>", "", full, flags=re.DOTALL)
    found = browser.check(
        plain,
        """
        const seen = (element) => element.getBoundingClientRect().height > 0;
        return [[...document.querySelectorAll("tbody tr")].every(seen),
          [...document.querySelectorAll(".filter")].some(seen)];
        """,
    )
    assert found == [True, False]


@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_is_wider_than_the_window(browser: Browser, full: str, width: int) -> None:
    sizes = browser.check(
        full,
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth];",
        f"--window-size={width},900",
    )
    assert sizes[0] <= sizes[1]


def test_screenshots_of_phone_desktop_dark_and_print(
    browser: Browser, drawn: str, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    page.write_text(drawn, "utf-8")
    light = browser.screenshot(page, tmp_path / "light.png", 1200, 1600)
    phone = browser.screenshot(page, tmp_path / "phone.png", 390, 1600)
    dark = browser.screenshot(
        page, tmp_path / "dark.png", 1200, 1600, "--blink-settings=preferredColorScheme=0"
    )
    assert len({light, phone, dark}) == 3
    printed = tmp_path / "print.pdf"
    _, logged = browser.run(page, f"--print-to-pdf={printed}", "--no-pdf-header-footer")
    assert logged == []
    assert printed.read_bytes().startswith(b"%PDF")


def test_a_wide_table_leaves_out_its_lesser_columns_until_asked(
    browser: Browser, full: str
) -> None:
    script = """
        const state = (table) => [
          [...table.tHead.rows[0].cells].filter((cell) => cell.offsetWidth > 0).length,
          [...table.tBodies[0].rows[0].cells].filter((cell) => cell.offsetWidth > 0).length,
        ];
        return [...document.querySelectorAll("button.columns")].map((button) => {
          const table = button.nextElementSibling.querySelector("table");
          const before = [...state(table), button.textContent];
          button.click();
          const after = [...state(table), button.textContent];
          button.click();
          return [before, after, state(table), table.querySelectorAll("thead .aside").length];
        });
    """
    narrow = browser.check(full, script, "--window-size=600,900")
    assert narrow
    for before, after, again, lesser in narrow:
        assert before[0] == before[1] == again[0] == again[1]
        assert after[0] == after[1] == before[0] + lesser
        assert before[2] == f"{lesser} more column{'s' if lesser > 1 else ''}"
        assert after[2] == "fewer columns"
