"""Published surrogates: checked, and put where runs look for them.

NAS-Bench-301's own ensemble of gradient-boosted trees: the folder `xgb_v1.0` of the published
models has a pickled XGBoost model for each member, which is read without running anything.

NAS-Bench-301's of YAHPO-Gym: the folder `nb301` of yahpo_data has the network, `model.onnx`, and
the numbers of its categories, `encoding.json`; the order of its inputs is in YAHPO-Gym's code.
Reference: Pfisterer et al., "YAHPO Gym", AutoML 2022; Siems et al., "NAS-Bench-301", 2020.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import IO, Any
from zipfile import ZipFile, is_zipfile

import numpy as np

from untrained.foundation import MalformedInput, MissingData, StorageError, UnknownName, UserError
from untrained.spaces import data_folder, spaces
from untrained.spaces.converters.conversion import refuse_to_replace
from untrained.spaces.converters.json_benchmarks import load_json
from untrained.spaces.converters.xgboost_pickle import Trees, read_booster
from untrained.spaces.darts.configuration import CELLS, OFFSETS, PREFIX
from untrained.spaces.darts.ensemble import NUM_INPUTS
from untrained.spaces.darts.network import DARTS_OPERATIONS
from untrained.spaces.darts.surrogate import UNUSED, predict

_PAIRS = (("model.onnx", "encoding.json"), ("nb301_yahpo.onnx", "nb301_yahpo_encoding.json"))
"""Network and encoding: as published, as they are placed."""
_REFUSED = ("model_v2.onnx", "encoding_v2.json")
"""The later version of them, of 2024: it predicts fractions, and ranks worse.

Spearman with the original surrogate on 725 cells is 0.59, that of the first version 0.90."""
_PLACED = _PAIRS[-1]
_TAKES = {
    "nasbench301-surrogate": "the folder nb301 of yahpo_data, with model.onnx and encoding.json "
    "(https://github.com/slds-lmu/yahpo_data)",
    "nasbench301-xgb": "the published models nasbench301_models_v1.0.zip "
    "(https://figshare.com/ndownloader/files/24992018), or the folder nb_models unpacked from it",
}
_ENSEMBLE = "nasbench301-xgb"
_VERSION, _MEMBER = "xgb_v1.0", "surrogate_model.model"
_TRIED = 5
_PLAUSIBLE = (70.0, 100.0)
"""Percent; the networks that NAS-Bench-301 trained have more than 80."""


def placeable_surrogates() -> dict[str, str]:
    """What a surrogate is placed from, by the name of its benchmark."""
    return dict(_TAKES)


def place_surrogate(
    name: str, source: Path, *, folder: Path | None = None, replace: bool = False
) -> tuple[Path, ...]:
    """Check a surrogate's files, write what its benchmark reads, and return what was written.

    Args:
        folder: data folder to write into; by default that of the user.

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
    target = (folder or data_folder()) / "surrogates"
    if name == _ENSEMBLE:
        return (_place_ensemble(source, target / "nb301_xgb.npz", replace=replace),)
    return _place_network(source, target, replace=replace)


def _not_writable(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{path} cannot be written ({error.strerror or error}); make room, or name another "
        "folder with --output"
    )


def _place_network(source: Path, target: Path, *, replace: bool) -> tuple[Path, ...]:
    """Copy YAHPO-Gym's network, and write its encoding with the order of the inputs.

    Before the files have their names, the network is asked about a few cells.
    """
    name = "nasbench301-surrogate"
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
    placed = [target / file for file in _PLACED]
    for path in placed:
        refuse_to_replace(path, replace=replace)
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
        raise _not_writable(target, error) from error
    finally:
        for path in partial:
            path.unlink(missing_ok=True)
    return tuple(placed)


def read_ensemble(source: Path) -> dict[str, Any]:
    """Read the trees of all members of NAS-Bench-301's ensemble: the arrays of `Ensemble`.

    Args:
        source: the published zip archive, or a folder that has or is `xgb_v1.0`.

    Raises:
        MissingData: the source has no members.
        MalformedInput: a member is no model of the benchmark.
    """
    if not source.exists():
        raise MissingData(
            f"{source} does not exist; {_ENSEMBLE} is placed from {_TAKES[_ENSEMBLE]}"
        )
    members = [trees for _, trees in sorted(_members(source), key=lambda member: member[0])]
    if not members:
        raise MissingData(
            f"{source} has no {_MEMBER} below a folder {_VERSION}; {_ENSEMBLE} is placed from "
            f"{_TAKES[_ENSEMBLE]}"
        )
    starts = np.cumsum([0, *(len(trees.left) for trees in members[:-1])])
    arrays: dict[str, Any] = {
        "bases": np.array([trees.base for trees in members], np.float32),
        "num_trees": np.array([len(trees.roots) for trees in members]),
        "feature": np.concatenate([trees.feature for trees in members]),
        "value": np.concatenate([trees.value for trees in members]),
        "roots": np.concatenate(
            [trees.roots + start for trees, start in zip(members, starts, strict=True)]
        ),
    }
    for side in ("left", "right"):
        parts = [getattr(trees, side) for trees in members]
        arrays[side] = np.concatenate(
            [
                np.where(part < 0, -1, part + start)
                for part, start in zip(parts, starts, strict=True)
            ]
        )
    return arrays


def has_ensemble(folder: Path) -> bool:
    """Whether a folder has a member of the gradient-boosted trees."""
    return any(_VERSION in file.parts for file in folder.resolve().rglob(_MEMBER))


def _place_ensemble(source: Path, path: Path, *, replace: bool) -> Path:
    """Write the trees into one file."""
    refuse_to_replace(path, replace=replace)
    arrays = read_ensemble(source)
    partial = path.with_name(f".{path.name}.partial.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(partial, **arrays)
        partial.replace(path)
    except OSError as error:
        raise _not_writable(path, error) from error
    finally:
        partial.unlink(missing_ok=True)
    return path


def _members(source: Path) -> Iterator[tuple[str, Trees]]:
    """Path and trees of each member in a folder or in a zip archive."""
    if source.is_dir():
        for file in source.resolve().rglob(_MEMBER):
            if _VERSION in file.parts:
                with file.open("rb") as stream:
                    yield file.as_posix(), _trees(stream, file)
    elif is_zipfile(source):
        with ZipFile(source) as archive:
            for entry in archive.namelist():
                inside = PurePosixPath(entry)
                if inside.name == _MEMBER and _VERSION in inside.parts:
                    with archive.open(entry) as stream:
                        yield entry, _trees(stream, source / entry)


def _trees(stream: IO[bytes], path: Path) -> Trees:
    try:
        trees = read_booster(stream, path)
        if trees.num_features != NUM_INPUTS:
            raise ValueError(f"its model has {trees.num_features} inputs instead of {NUM_INPUTS}")
    except ValueError as error:
        raise _malformed(path, str(error), _ENSEMBLE) from error
    return trees


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


def _malformed(path: Path, reason: str, name: str = "nasbench301-surrogate") -> MalformedInput:
    return MalformedInput(
        f"{path} was to be read as part of a NAS-Bench-301 surrogate, but {reason}; get an "
        f"undamaged copy: {_TAKES[name]}"
    )
