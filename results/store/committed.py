"""The scores that come with the project."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from untrained.foundation import MissingData, suggest

_FILE = "scores.parquet"


def committed_scores() -> list[str]:
    """List the studies whose scores come with the project, sorted."""
    return sorted(path.parent.name for path in _folder().glob(f"*/{_FILE}"))


def committed_file(study: str) -> Path:
    """Return the path of a study's committed scores, which may not exist."""
    return _folder() / study / _FILE


def find_scores(source: str | Path) -> Path:
    """Return the file of scores that is meant by a path, or by the name of a committed study.

    Args:
        source: a path; or `nasbench201-cifar10`, where no such file lies in the working directory.

    Raises:
        MissingData: there is no such file, and no such study has committed scores.
    """
    path = Path(source)
    if path.is_file() or path.suffix or len(path.parts) != 1:
        return path
    if committed_file(path.name).is_file():
        return committed_file(path.name)
    found = "it is a folder" if path.is_dir() else "there is no such file"
    raise MissingData(
        f"cannot read the scores {path}: {found}, and no study of this name has committed scores; "
        f"{suggest(path.name, committed_scores())}"
    )


def name_source(path: Path) -> str:
    """Return what `find_scores` takes for a path: a committed study's name, or the path itself.

    >>> name_source(committed_file("nasbench201")), name_source(Path("a/scores.parquet"))
    ('nasbench201', 'a/scores.parquet')
    """
    return path.parent.name if path == committed_file(path.parent.name) else str(path)


def _folder() -> Path:
    return Path(str(files("untrained.results") / "committed"))
