"""Run a notebook, and write it with its outputs as a page of the site."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

SECONDS = 600
"""Of one cell; the whole takes a minute or two on two idle cores."""


def execute(path: Path) -> Any:
    """Run all cells in the folder of the repository.

    Raises:
        CellExecutionError: a cell failed.
        CellTimeoutError: a cell took longer than `SECONDS`.
    """
    notebook = nbformat.read(path, as_version=4)
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    folder = str(path.parents[2])
    NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": folder}}).execute()
    return notebook


def page(notebook: Any, name: str) -> tuple[str, dict[str, str]]:
    """Write a notebook that was run.

    Returns:
        The page, and its pictures by file name.
    """
    parts, pictures = [], {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        for output in cell.outputs:
            data = output.get("data", {})
            html = data.get("text/html", "")
            if html.lstrip().startswith("<?xml") or html.lstrip().startswith("<svg"):
                picture = f"{name}-{len(pictures) + 1}.svg"
                pictures[picture] = html
                parts.append(f"![The output of the code above]({picture})")
            elif html:
                parts.append(f'<div class="output">{"".join(_plain(html))}</div>')
            elif text := output.get("text", data.get("text/plain", "")):
                parts.append(f"```text\n{text.strip()}\n```")
    return "\n\n".join(parts) + "\n", pictures


def _plain(html: str) -> list[str]:
    """Leave out the styles that pandas adds, and what Markdown would end the block at."""
    head, _, rest = html.partition("<style scoped>")
    text = head + rest.partition("</style>")[2] if rest else html
    return [line.strip() for line in text.splitlines()]
