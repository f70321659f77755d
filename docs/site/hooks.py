"""Generate what the documentation site shows beside the files of docs/.

Pages are made of the README, of CONTRIBUTING, of the committed reports, of the registries and of
notebooks, which are run. A block of code that begins with three backticks and `python figure` is
run, and the figure that it leaves under the name `figure` is shown below it. Links to files of the
repository that the site does not have become text.
"""

from __future__ import annotations

import importlib.util
import io
import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "results" / "committed"
PAGES = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
"""Generated pages that are files of the repository."""
LARGE_RUNS = ("scaling.md", "runs.md")
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)#:\s]*)(#[^)\s]*)?\)")
_FIGURE = re.compile(r"^```python figure\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"(^```.*?^```)", re.DOTALL | re.MULTILINE)


def on_config(config: Any) -> Any:
    """Put the pages on large runs, those that there are, behind the one that leads to them."""
    (pages,) = (part["How to"] for part in config["nav"] if "How to" in part)
    place = pages.index("howto/cluster.md") + 1
    pages[place:place] = [name for name in LARGE_RUNS if (ROOT / "docs" / name).is_file()]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages and the pictures of the reports."""
    made: dict[str, str | bytes] = {uri: (ROOT / p).read_text("utf-8") for uri, p in PAGES.items()}
    names = sorted(file.parent.name for file in COMMITTED.glob("*/report.md"))
    for name in names:
        made[f"reports/{name}.md"] = (COMMITTED / name / "report.md").read_text("utf-8")
        for picture in (COMMITTED / name).glob("*.svg"):
            made[f"reports/{name}/{picture.name}"] = picture.read_bytes()
    made["reports/index.md"] = _index(names)
    made["catalogue.md"] = _catalogue()
    leaderboard = _module("leaderboard")
    made["leaderboard.html"] = leaderboard.page()
    made["leaderboard.md"] = leaderboard.summary()
    notebook = _module("notebook")
    for path in sorted((ROOT / "docs" / "examples").glob("*.ipynb")):
        text, pictures = notebook.page(notebook.execute(path), path.stem)
        title, rest = text.split("\n", 1)
        made[f"examples/{path.stem}.md"] = f"{title}\n\n[The notebook]({path.name})\n{rest}"
        made |= {f"examples/{name}": picture for name, picture in pictures.items()}
    for uri, content in made.items():
        if files.get_file_from_path(uri) is None:
            files.append(File.generated(config, uri, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Draw the figures of a page and correct its links."""
    uri = page.file.src_uri
    if "python figure" in markdown:
        names: dict[str, Any] = {"__name__": uri}
        for number, block in enumerate(_FIGURE.findall(markdown), 1):
            exec(compile(block, uri, "exec"), names)  # noqa: S102  # of our own pages
            picture = f"figures/{Path(uri).stem}-{number}.svg"
            files.append(File.generated(config, picture, content=svg_of(names["figure"])))
            up = posixpath.relpath(picture, posixpath.dirname(uri) or ".")
            text = f"```python\n{block}```\n\n![The figure that the code above draws]({up})\n"
            markdown = markdown.replace(f"```python figure\n{block}```\n", text, 1)
    parts = _FENCE.split(markdown)
    for place in range(0, len(parts), 2):  # outside of code
        parts[place] = _LINK.sub(lambda found: _link(found, uri, files), parts[place])
    return "".join(parts)


def svg_of(figure: Any) -> str:
    """Write a figure of this project, or of matplotlib, as SVG."""
    if hasattr(figure, "svg"):
        return str(figure.svg())
    stream = io.StringIO()
    figure.savefig(stream, format="svg", bbox_inches="tight", metadata={"Date": None})
    return stream.getvalue()


def _link(found: re.Match[str], uri: str, files: Any) -> str:
    """Write a link of a file of the repository as one of the site."""
    mark, text, target, anchor = found.groups(default="")
    if not target or target.startswith("/"):
        return found[0]
    here = source_of(uri)
    place = posixpath.normpath(posixpath.join(posixpath.dirname(here), target))
    wanted = site_uri(place)
    if wanted is None and here.startswith("docs/") and files.get_file_from_path(target):
        return found[0]
    if wanted is None or (
        files.get_file_from_path(wanted) is None and not place.startswith("docs")
    ):
        return text
    relative = posixpath.relpath(wanted, posixpath.dirname(uri) or ".")
    return f"{mark}[{text}]({relative}{anchor})"


def source_of(uri: str) -> str:
    """Return the file of the repository that a page is made of."""
    if uri in PAGES:
        return PAGES[uri]
    if uri.startswith("reports/") and uri != "reports/index.md":
        return f"results/committed/{uri.removeprefix('reports/').removesuffix('.md')}/report.md"
    return f"docs/{uri}"


def site_uri(place: str) -> str | None:
    """Return the page or picture of a file of the repository; None: the site has none."""
    for uri, path in PAGES.items():
        if place == path:
            return uri
    if place == "docs/decisions":
        return "decisions/README.md"
    if place.startswith("docs/"):
        return place.removeprefix("docs/") if Path(place).suffix else None
    report = re.fullmatch(r"results/committed/([^/]+)(?:/report\.md)?", place)
    if report:
        return f"reports/{report[1]}.md"
    picture = re.fullmatch(r"results/committed/([^/]+/[^/]+\.svg)", place)
    return f"reports/{picture[1]}" if picture else None


def _index(names: list[str]) -> str:
    lines = ["# Reports", "", "Every committed report, with its command, conditions and notes.", ""]
    for name in names:
        title = (COMMITTED / name / "report.md").read_text("utf-8").splitlines()[0].lstrip("# ")
        lines.append(f"- [{name}]({name}.md): {title}")
    return "\n".join(lines) + "\n"


def _catalogue() -> str:
    """List what is registered beside the indicators and the texts on spaces."""
    from untrained.harness.search import searchers
    from untrained.harness.study.study_file import builtin_studies
    from untrained.results.aggregates import aggregates
    from untrained.spaces import benchmarks, spaces

    def table(title: str, heading: tuple[str, ...], rows: list[tuple[object, ...]]) -> list[str]:
        cells = [heading, (":--",) * len(heading), *rows]
        lines = [f"| {' | '.join(str(c).replace('|', chr(92) + '|') for c in r)} |" for r in cells]
        return [f"## {title}", "", *lines, ""]

    return "\n".join(
        [
            "# What is registered",
            "",
            "Written from the registries, as `untrained list` shows them. "
            "[Indicators](indicators.md) have a page of their own.",
            "",
            *table(
                "Spaces",
                ("name", "title", "architectures", "reference"),
                [
                    (f"`{s.name}`", s.title, f"{s.size:,}" if s.size else "not enumerable",
                     s.reference)
                    for s in spaces.values()
                ],
            ),
            *table(
                "Ground truth",
                ("benchmark", "space", "kind"),
                [(f"`{b.name}`", f"`{b.space}`", b.kind) for b in benchmarks.values()],
            ),
            *table(
                "Searchers",
                ("name", "title", "reference"),
                [(f"`{name}`", item.title, item.reference) for name, item in searchers.items()],
            ),
            *table(
                "Aggregates",
                ("name", "title", "formula"),
                [(f"`{n}`", item.title, f"`{item.formula}`") for n, item in aggregates.items()],
            ),
            *table("Studies", ("name",), [(f"`{name}`",) for name in builtin_studies()]),
        ]
    )  # fmt: skip


def _module(name: str) -> Any:
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
