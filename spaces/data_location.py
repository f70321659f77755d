"""Where ground truth and images are looked for."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

VARIABLE = "UNTRAINED_DATA"


def data_folder() -> Path:
    """The folder that UNTRAINED_DATA names, else the user data directory; it need not exist."""
    named = os.environ.get(VARIABLE, "")
    if named:
        return Path(named).expanduser()
    return Path(platformdirs.user_data_dir("untrained"))
