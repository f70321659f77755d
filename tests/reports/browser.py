"""Headless Chromium, driven by its command line alone."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None,
    reason="no chromium on the path: pages are not opened in a browser (apt-get install chromium)",
)


@dataclass(frozen=True)
class Browser:
    """A profile and the pages opened with it."""

    folder: Path

    def run(self, page: Path, *options: str) -> tuple[str, list[str]]:
        """Standard output, and what the page logged to its console."""
        assert CHROMIUM
        done = subprocess.run(
            [
                CHROMIUM,
                *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *("--disable-background-networking", "--no-first-run", "--disable-extensions"),
                *("--enable-logging=stderr", "--virtual-time-budget=2000"),
                f"--user-data-dir={self.folder / 'profile'}",
                *options,
                page.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    def check(self, html: str, script: str, *options: str) -> Any:
        """What a script returns that runs in the page behind the page's own.

        Args:
            html: the page; its policy is extended by this one script.
            script: the body of a function that returns plain data.
            options: of the browser.

        Returns:
            The data. Anything on the console, a thrown error included, fails the test.
        """
        body = (
            "const element = document.createElement('pre'); element.id = 'answer';"
            f"element.textContent = JSON.stringify((() => {{ {script} }})());"
            "document.body.append(element);"
        )
        allowed = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        html = html.replace("script-src '", f"script-src 'sha256-{allowed}' '", 1)
        page = self.folder / "checked.html"
        page.write_text(html.replace("</body>", f"<script>{body}</script></body>"), "utf-8")
        dom, logged = self.run(page, "--dump-dom", *options)
        assert logged == [], logged
        found = re.search(r'<pre id="answer">(.*?)</pre>', dom, re.DOTALL)
        assert found, dom[-2000:]
        return json.loads(unescape(found[1]))

    def screenshot(self, page: Path, picture: Path, width: int, height: int, *more: str) -> bytes:
        """The picture of a page, which must log nothing."""
        size = f"--window-size={width},{height}"
        _, logged = self.run(page, f"--screenshot={picture}", size, *more)
        assert logged == [], logged
        return picture.read_bytes()
