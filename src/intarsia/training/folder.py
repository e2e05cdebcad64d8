"""The folder a training is about to write to: new, or one to go on with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from intarsia.datasets import Dataset
from intarsia.errors import RunError
from intarsia.recipe import Recipe
from intarsia.runs import CrossValidation, Run


def stored_run(path: Path, resume: bool) -> Run | None:
    """The single training to go on with, None for a fresh start."""
    stored = _stored(path, resume)
    if isinstance(stored, CrossValidation):
        raise RunError(
            "the folder holds a cross-validation",
            where=path,
            hint="add --folds to go on with it, or choose another --out",
        )
    return stored


def stored_cross_validation(path: Path, resume: bool) -> CrossValidation | None:
    """The cross-validation to go on with, None for a fresh start."""
    stored = _stored(path, resume)
    if stored is not None and not isinstance(stored, CrossValidation):
        raise RunError(
            "the folder holds a single training",
            where=path,
            hint="leave --folds out to go on with it, or choose another --out",
        )
    return stored


def _stored(path: Path, resume: bool) -> Run | None:
    if not path.exists():
        return None
    if not path.is_dir():
        raise RunError("the run folder is a file", where=path, hint="choose another --out")
    holds_run = (path / "recipe.yaml").is_file()
    if resume:
        # killed before its first file was whole: from zero
        return Run.open(path) if holds_run else None
    if any(entry.name != ".lock" for entry in path.iterdir()):
        raise RunError(
            "the folder already holds a run" if holds_run else "the folder is not empty",
            where=path,
            hint="add --resume to go on with it, or choose another --out",
        )
    return None


def refuse_taken(path: Path) -> None:
    """Raises where another training has begun in the folder while this one made itself ready."""
    if (path / "recipe.yaml").exists():
        raise RunError(
            "another training has begun in this folder meanwhile",
            where=path,
            hint="choose another --out",
        )


def begun(run: Run) -> bool:
    return any(run.checkpoints.glob("*.pt"))


def make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".lock"
        probe.touch()
    except OSError as error:
        raise RunError(
            f"cannot write to the run folder: {error.strerror}",
            where=path,
            hint="choose another --out",
        ) from error


def remove_unfinished_files(path: Path) -> None:
    """Deletes what a killed process was still writing; only with the lock held."""
    for left in path.rglob(".intarsia-*.tmp"):
        left.unlink()


def compare_recipes(stored: Run, wanted: Recipe) -> None:
    """Raises where `wanted` is not what the run was begun with."""
    ours, theirs = stored.recipe.flat(), wanted.flat()
    # these were resolved when the run began
    resolved = {"description", "reference"}
    if wanted.train.precision == "auto":
        resolved.add("train.precision")
    if wanted.train.time is not None:
        resolved |= {"train.epochs", "train.validate_every", "train.time"}
    differing = [
        f"{key}: {ours[key]} in the run, {theirs[key]} asked for"
        for key in ours
        if key not in resolved and ours[key] != theirs[key]
    ]
    if differing:
        raise RunError(
            "the run was begun with another recipe: " + "; ".join(differing),
            where=stored.path,
            hint="resume with the same flags, or train into another --out",
        )


def compare_data(begun_with: Mapping[str, Any], data: Dataset) -> None:
    """Raises where a file of the data set was changed, added or removed since its manifest."""
    # through JSON, as the manifest has been
    manifest = json.loads(json.dumps(data.manifest()))
    before = {s["name"]: s for s in begun_with["samples"]}
    now = {s["name"]: s for s in manifest["samples"]}
    gone, added = sorted(before.keys() - now.keys()), sorted(now.keys() - before.keys())
    differing = [n for n in sorted(before.keys() & now.keys()) if before[n] != now[n]]
    moved = [n for n in differing if _content_of(before[n]) == _content_of(now[n])]
    changed = [n for n in differing if n not in moved]
    problems = [
        f"{len(names)} {word} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
        for word, names in (
            ("changed", changed),
            ("missing", gone),
            ("new", added),
            ("in another split, fold or group", moved),
        )
        if names
    ]
    problems += [
        f"another {key.replace('_', ' ')}"
        for key in ("labels", "encoding", "channels", "channel_names", "page", "scaling")
        if begun_with[key] != manifest[key]
    ]
    if problems:
        raise RunError(
            "the data set is not the one the run was begun with: " + ", ".join(problems),
            where=data.root,
            hint="restore the files, or train into another --out",
        )


def _content_of(item: dict[str, Any]) -> dict[str, Any]:
    """A sample of a manifest without its place in the splits."""
    return {key: value for key, value in item.items() if key not in ("split", "fold", "group")}
