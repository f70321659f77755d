"""Compiles the passes over memory, and links the folders under one import name when editable."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import sys_tags

FUSED = Path("indicators", "fused")
LIBRARY = "passes.library"
FLAGS = ["-O3", "-shared", "-fPIC", "-ffp-contract=fast"]


class Build(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            self._link()
            self._compile(Path(self.root, FUSED, LIBRARY))
            return
        library = Path(self.root, "build", "compiled", LIBRARY)
        if self._compile(library):
            build_data["force_include"][str(library)] = str(Path("untrained", FUSED, LIBRARY))
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{next(sys_tags()).platform}"

    def _link(self) -> None:
        farm = Path(self.root, "build", "editable", "untrained")
        farm.mkdir(parents=True, exist_ok=True)
        for stale in farm.iterdir():
            stale.unlink()
        for folder in self.build_config.packages:
            # relative: a copied checkout must not point at the first one
            target = os.path.relpath(Path(self.root, folder), farm)
            Path(farm, folder).symlink_to(target, target_is_directory=True)

    def _compile(self, library: Path) -> bool:
        """Compile the passes; without a C compiler the installation does with torch's own."""
        compiler = shlex.split(os.environ.get("CC", "cc"))
        library.parent.mkdir(parents=True, exist_ok=True)
        made = library.with_suffix(f".{os.getpid()}")
        source = Path(self.root, FUSED, "kernels.c")
        try:
            if shutil.which(compiler[0]) is None:
                raise FileNotFoundError(compiler[0])
            command = [*compiler, *FLAGS, "-o", str(made), str(source)]
            subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
        except (OSError, IndexError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", "") or error
            self.app.display_warning(f"the compiled passes are left out: {said}")
            return False
        made.replace(library)
        return True
