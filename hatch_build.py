"""Links the folders under one import name for editable installs."""

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class EditableLinks(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":
            return
        farm = Path(self.root, "build", "editable", "untrained")
        farm.mkdir(parents=True, exist_ok=True)
        for stale in farm.iterdir():
            stale.unlink()
        for folder in self.build_config.packages:
            # relative: a copied checkout must not point at the first one
            target = os.path.relpath(Path(self.root, folder), farm)
            Path(farm, folder).symlink_to(target, target_is_directory=True)
