import base64
import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pandas as pd
import pytest

from untrained.reports import Report, Section, formats
from untrained.reports.tables.numbers import MISSING
from untrained.results import CorrelationTable, TableRow

VOID = {"meta", "link", "br", "input"}
HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(2)> & 'quoted' $\\bad$"


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    children: list["Element"] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def all(self, tag: str, **attributes: str) -> list["Element"]:
        found = [child for child in self.children if child.matches(tag, attributes)]
        return found + [e for child in self.children for e in child.all(tag, **attributes)]

    def matches(self, tag: str, attributes: dict[str, str]) -> bool:
        wanted = {name.replace("_", "-").strip("-"): value for name, value in attributes.items()}
        return tag in (self.tag, "*") and all(
            value in (self.attributes.get(name) or "").split() for name, value in wanted.items()
        )

    @property
    def text(self) -> str:
        """Own text, then that of the children: enough to look for what is there."""
        return " ".join(" ".join([*self.texts, *(c.text for c in self.children)]).split())


class Tree(HTMLParser):
    """The page as a tree; a tag that is not closed in its place is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]
        self.feed(text)
        self.close()
        assert self.open == [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].texts.append(data)


def scripts(root: Element) -> list[Element]:
    """What a browser would run; JSON beside it is data."""
    return [e for e in root.all("script") if e.attributes.get("type") != "application/json"]


def page(report: Report) -> Element:
    return Tree(formats["html"].render(report)).root


@pytest.fixture(scope="module")
def drawn_text(drawn_report: Report) -> str:
    return formats["html"].render(drawn_report)


@pytest.fixture(scope="module")
def drawn(drawn_text: str) -> Element:
    return Tree(drawn_text).root


def test_the_page_loads_nothing(drawn: Element) -> None:
    for element in drawn.all("*"):
        assert element.tag not in {"iframe", "object", "embed", "base", "form"}
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            value = element.attributes.get(name) or "#"
            assert value.startswith(("#", "data:")), (element.tag, name, value)
    (style,) = drawn.all("style")
    assert "url(" not in style.text
    assert "@import" not in style.text


def test_only_the_script_of_the_page_may_run(drawn: Element) -> None:
    (policy,) = (
        e.attributes["content"] or ""
        for e in drawn.all("meta")
        if e.attributes.get("http-equiv") == "Content-Security-Policy"
    )
    (script,) = scripts(drawn)
    digest = base64.b64encode(hashlib.sha256("".join(script.texts).encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    handlers = [n for e in drawn.all("*") for n in e.attributes if n.startswith("on")]
    assert handlers == []


def test_ids_are_unique_and_references_resolve(drawn_text: str, drawn: Element) -> None:
    ids = Counter(e.attributes["id"] for e in drawn.all("*") if "id" in e.attributes)
    assert set(ids.values()) == {1}
    references = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', drawn_text))
    assert references
    assert {a or b for a, b in references} <= set(ids)


def test_hostile_text_stays_text(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> None:
    index = pd.Index([f"{HOSTILE}{i}" for i in range(4)])
    scores = pd.DataFrame({HOSTILE: [1.0, 2.0, 3.0, 4.0]}, index=index)
    hostile_row = row(HOSTILE, title=HOSTILE, protocol_text=HOSTILE, failures=((HOSTILE, 1),))
    names = ("title", "space", "population", "target", "truth_source", "truth_sha256", "command")
    made = table(hostile_row, **dict.fromkeys(names, HOSTILE), notes=(HOSTILE,))
    report = Report(
        title=HOSTILE,
        summary=HOSTILE,
        sections=(Section(made, scores, pd.Series([1.0, 2.0, 4.0, 3.0], index=index)),),
        environments=({HOSTILE: HOSTILE},),
        version=HOSTILE,
    )
    root = page(report)
    assert len(scripts(root)) == 1
    assert root.all("img") == []
    assert not any(name.startswith("on") for e in root.all("*") for name in e.attributes)
    (h1,) = root.all("h1")
    assert h1.text == HOSTILE
    assert HOSTILE in root.all("footer")[0].text


def test_headings_are_buttons_and_the_sorted_one_says_so(drawn: Element) -> None:
    for table in drawn.all("table", class_="sortable"):
        heads = table.all("th", scope="col")
        assert all(head.all("button") for head in heads)
        states = [head.attributes.get("aria-sort") for head in heads]
        if table.matches("table", {"class": "correlations"}):
            assert states.count("descending") == 1
            assert "Kendall" in heads[states.index("descending")].text
        else:
            assert states == [None] * len(states)


def test_every_cell_under_a_sorting_heading_has_a_value(drawn: Element) -> None:
    for table in drawn.all("table", class_="sortable"):
        (head,) = table.all("thead")
        sorting = [bool(cell.all("button")) for cell in head.children[0].children]
        (body,) = table.all("tbody")
        for line in body.children:
            assert len(line.children) == len(sorting)
            valued = ["data-value" in cell.attributes for cell in line.children]
            assert valued == sorting


def test_values_are_numbers_in_the_order_the_page_claims(drawn: Element) -> None:
    for table in drawn.all("table", class_="correlations"):
        cells = [c.attributes["data-value"] or "" for c in table.all("td", class_="tau")]
        known = [float(value) for value in cells if value]  # parts have no cells of this class
        assert known == sorted(known, reverse=True)
        assert cells[len(known) :] == [""] * (len(cells) - len(known))
    missing = [c for c in drawn.all("td", class_="tau") if not c.attributes["data-value"]]
    assert [cell.text for cell in missing] == [MISSING] * 2


def test_each_known_tau_is_drawn_as_a_bar(drawn: Element) -> None:
    for table in drawn.all("table", class_="correlations"):
        (body,) = table.all("tbody")
        for line in body.children:
            (value,) = (c.attributes["data-value"] for c in line.all("td", class_="tau"))
            dots = line.all("circle")
            assert len(dots) == (1 if value else 0)
            if dots:
                (bar,) = line.all("line", class_="bar")
                ends = [float(bar.attributes[name] or "") for name in ("x1", "x2")]
                assert ends[0] <= float(dots[0].attributes["cx"] or "") <= ends[1]


def test_every_indicator_has_a_figure_and_its_numbers(drawn: Element) -> None:
    figures = {f.all("strong")[0].text: f for f in drawn.all("section")[0].all("figure")}
    assert set(figures) == {
        *("params", "naswot", "synflow", "grasp", "condition", "constant", "broken"),
    }
    for name, figure in figures.items():
        assert len(figure.all("svg")) == (0 if name == "broken" else 1)
        assert "τ-b" in figure.text
    assert "not drawn: 3 missing, 2 infinite" in figures["naswot"].text
    assert "logarithmic axis" in figures["synflow"].text
    assert "beyond zero" in figures["grasp"].text
    assert "not drawn: 120 missing" in figures["broken"].text
    assert "lower is better" in figures["condition"].text


def test_a_section_without_scores_has_no_figures(varied_report: Report) -> None:
    assert page(varied_report).all("figure") == []


def test_provenance_stands_in_the_footer(varied_report: Report) -> None:
    (footer,) = page(varied_report).all("footer")
    for text in ("0123456789abcdef" * 4, "nasbench201.parquet", "untrained run", "2.13.0", "2.6.0"):
        assert text in footer.text


def test_figures_are_the_same_bytes_every_time(drawn_report: Report, drawn_text: str) -> None:
    assert formats["html"].render(drawn_report) == drawn_text
