"""Published surrogates: checked, and put where runs look for them.

NAS-Bench-301's of YAHPO-Gym: the folder `nb301` of yahpo_data has the network, `model.onnx`, and
the numbers of its categories, `encoding.json`; the order of its inputs is in YAHPO-Gym's code.
Reference: Pfisterer et al., "YAHPO Gym", AutoML 2022; Siems et al., "NAS-Bench-301", 2020.
"""

from __future__ import annotations

import json
import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from untrained.foundation import MalformedInput, MissingData, StorageError, UnknownName, UserError
from untrained.spaces.converters.json_benchmarks import load_json
from untrained.spaces.darts.network import DARTS_OPERATIONS
from untrained.spaces.darts.surrogate import CELLS, OFFSETS, PREFIX, UNUSED, predict
from untrained.spaces.framework.registry import data_folder, spaces

_PAIRS = (
    ("model.onnx", "encoding.json"),
    ("nb301_yahpo.onnx", "nb301_yahpo_encoding.json"),
)
"""Network and encoding: as published, as they are placed."""
_REFUSED = ("model_v2.onnx", "encoding_v2.json")
"""The later version of them, of 2024: it predicts fractions, and ranks worse.

Spearman with the original surrogate on 725 cells is 0.59, that of the first version 0.90."""
_PLACED = _PAIRS[-1]
_TAKES = {
    "nasbench301-surrogate": "the folder nb301 of yahpo_data, with model.onnx and encoding.json "
    "(https://github.com/slds-lmu/yahpo_data)"
}
_TRIED = 5
_PLAUSIBLE = (70.0, 100.0)
"""Percent; the networks that NAS-Bench-301 trained have more than 80."""


def placeable_surrogates() -> dict[str, str]:
    """What a surrogate is placed from, by the name of its benchmark."""
    return dict(_TAKES)


def place_surrogate(
    name: str, source: Path, *, folder: Path | None = None, replace: bool = False
) -> tuple[Path, Path]:
    """Check a surrogate's files and copy them.

    The encoding is written in the project's own form, with the order of the inputs. Before the
    files have their names, the network is asked about a few cells.

    Args:
        folder: data folder to copy into; by default that of the user.

    Raises:
        UnknownName: there is no such surrogate.
        MissingData: the files are not there, or the package that runs the network is not.
        UserError: there are such files already and `replace` is off, or they are of the version
            that is not used.
        MalformedInput: the files are not what they should be; nothing is written.
        StorageError: they cannot be written; nothing is left behind.
    """
    if name not in _TAKES:
        raise UnknownName("surrogate", name, _TAKES)
    pair = next((p for p in _PAIRS if all((source / file).is_file() for file in p)), None)
    if pair is None and all((source / file).is_file() for file in _REFUSED):
        raise UserError(
            f"cannot place {source / _REFUSED[0]}: this second version predicts fractions instead "
            "of percent, and its ranks agree less with the original surrogate (Spearman 0.59 "
            f"instead of 0.90 on 725 cells). Get the first version: {_TAKES[name]}"
        )
    if pair is None:
        raise MissingData(
            f"{source} does not have {' and '.join(_PAIRS[0])}; {name} is placed from "
            f"{_TAKES[name]}"
        )
    if find_spec("onnxruntime") is None:
        raise MissingData(
            f"{name} is checked by running it, but the package onnxruntime is not installed; "
            "install it with: pip install 'untrained[nb301]'"
        )
    network, encoding = (source / file for file in pair)
    target = (folder or data_folder()) / "surrogates"
    placed = [target / file for file in _PLACED]
    for path in placed:
        if path.exists() and not replace:
            raise UserError(
                f"{path} exists already and would be written over; move it away, or say --replace"
            )
    content = json.dumps(_encoding(encoding))
    partial = [path.with_name(f".{path.name}.partial") for path in placed]
    try:
        target.mkdir(parents=True, exist_ok=True)
        partial[0].write_bytes(network.read_bytes())
        partial[1].write_text(content, encoding="utf-8")
        _try_out(network, *partial)
        for path, final in zip(partial, placed, strict=True):
            path.replace(final)
    except OSError as error:
        raise StorageError(
            f"{target} cannot be written ({error.strerror or error}); make room, or name another "
            "folder with --output"
        ) from error
    finally:
        for path in partial:
            path.unlink(missing_ok=True)
    return placed[0], placed[1]


def _inputs() -> dict[str, set[str]]:
    """The network's categorical inputs in order, each with the categories it must know."""
    found = {
        f"edge_{cell}_{number}": set(DARTS_OPERATIONS)
        for cell in CELLS
        for number in range(OFFSETS[-1] + len(OFFSETS) + 1)
    }
    for cell in CELLS:
        for place in range(1, len(OFFSETS)):
            pairs = {f"{a}_{b}" for b in range(place + 2) for a in range(b)}
            found[f"inputs_node_{cell}_{place + 2}"] = pairs
    prefix = PREFIX.replace(":", "_COLON_")
    return {f"{prefix}{key}": {UNUSED, *categories} for key, categories in found.items()}


def _encoding(path: Path) -> dict[str, Any]:
    """The encoding in the project's form.

    Raises:
        MalformedInput: it misses an input or a category.
    """
    try:
        found = load_json(path)
    except ValueError as error:
        raise _malformed(path, str(error)) from error
    codes = found.get("category_to_int", found) if isinstance(found, dict) else {}
    wanted = _inputs()
    order = found.get("input_x_cat_order", list(wanted)) if isinstance(found, dict) else []
    if not isinstance(codes, dict) or order != list(wanted):
        raise _malformed(path, "it is no encoding of the network's inputs in their order")
    for key, categories in wanted.items():
        numbers = codes.get(key)
        if not isinstance(numbers, dict):
            raise _malformed(path, f"it has no categories of {key}")
        absent = sorted(categories - set(numbers))
        if absent:
            raise _malformed(path, f"{key} has no category {', '.join(absent)}")
        used = [numbers[category] for category in categories]
        if any(type(n) is not int or n < 0 for n in used) or len(set(used)) < len(used):
            raise _malformed(path, f"the categories of {key} are not told apart by whole numbers")
    return {"input_x_cat_order": list(wanted), "category_to_int": {k: codes[k] for k in wanted}}


def _try_out(network: Path, copied: Path, encoding: Path) -> None:
    """Ask the network about a few cells.

    Raises:
        MalformedInput: it does not run, or its answers are no accuracies in percent.
    """
    rng = np.random.default_rng(0)
    space: Any = spaces["darts"]
    try:
        answers = [
            predict(copied, encoding, space.genotype(space.sample(rng))) for _ in range(_TRIED)
        ]
    except Exception as error:  # the package's own errors have no common base but this
        reason = (str(error).strip().splitlines() or [""])[0]
        raise _malformed(network, f"it does not run: {reason}") from error
    low, high = _PLAUSIBLE
    if not all(math.isfinite(a) and low <= a <= high for a in answers) or len(set(answers)) == 1:
        told = ", ".join(f"{answer:.3g}" for answer in answers)
        raise _malformed(network, f"its predictions for {_TRIED} cells are {told}")


def _malformed(path: Path, reason: str) -> MalformedInput:
    return MalformedInput(
        f"{path} was to be read as part of a NAS-Bench-301 surrogate, but {reason}; get an "
        f"undamaged copy: {_TAKES['nasbench301-surrogate']}"
    )
