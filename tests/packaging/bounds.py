"""Write constraints that pin every requirement of the project to its lower bound.

python tests/packaging/bounds.py FILE
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def lower_bounds() -> list[str]:
    """List `name==bound` for each requirement; one without a bound is an error."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found = []
    for requirement in project["dependencies"]:
        parts = re.fullmatch(r"([A-Za-z0-9_.-]+)>=([0-9.]+)", requirement)
        if parts is None:
            raise SystemExit(f"cannot pin {requirement!r}: write it as name>=version.")
        found.append(f"{parts[1]}=={parts[2]}")
    return found


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(lower_bounds()) + "\n", encoding="utf-8")
