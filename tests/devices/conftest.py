"""Makes the pretended GPU importable: torch has to know of it before the first backward pass."""

import importlib.util
import sys
from pathlib import Path

if "pretended_gpu" not in sys.modules:
    file = Path(__file__).with_name("pretended_gpu.py")
    spec = importlib.util.spec_from_file_location("pretended_gpu", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["pretended_gpu"] = module
    spec.loader.exec_module(module)
