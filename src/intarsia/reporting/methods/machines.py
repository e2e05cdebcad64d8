"""On what the trainings ran, in sentences, from the environment that each run keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from intarsia.comparison import Entry
from intarsia.reporting.methods.wording import code, each, listing, plain

_PACKAGES = {
    "intarsia": "Intarsia",
    "python": "Python",
    "torch": "PyTorch [@paszke2019pytorch]",
    "torchvision": "torchvision",
    "timm": "timm [@wightman2019timm]",
    "segmentation-models-pytorch": "segmentation_models.pytorch [@iakubovskii2019segmentation]",
    "numpy": "NumPy",
    "pillow": "Pillow",
    "opencv-python-headless": "OpenCV",
}
_PRECISIONS = {
    "fp32": "single precision",
    "bf16": "mixed precision (bfloat16)",
    "fp16": "mixed precision (float16, scaled loss)",
}
_MISSING = "not installed"


def machine_sentences(trained: tuple[Entry, ...]) -> list[str]:
    """Machine and precision, then versions; those of several trainings that differ one by one."""
    places = {
        e.name: _together([_place(run.environment) for run in e.contender.runs]) for e in trained
    }
    precisions = {
        e.name: _together([_precision(run.recipe.train.precision) for run in e.contender.runs])
        for e in trained
    }
    versions = {
        e.name: _together([_versions(run.environment) for run in e.contender.runs]) for e in trained
    }
    ran, networks = ("Training ran", "All trainings ran"), ("The network", "All networks")
    sentences = [
        each(places, ran, ("", ""), "the trainings of {} ran"),
        each(precisions, networks, ("was", "were")),
        each(versions, ("The software was",) * 2, ("", ""), "the software of {} was"),
    ]
    commits = {
        e.name: _together([_commit(run.environment) for run in e.contender.runs]) for e in trained
    }
    if any(commit != _commit({}) for commit in commits.values()):
        subjects = ("Training was started", "All trainings were started")
        sentences.append(each(commits, subjects, ("", ""), "those of {} were started"))
    return sentences


def _together(values: list[str]) -> str:
    """What all repeats have, or the different things that they have."""
    return ", in other repeats ".join(dict.fromkeys(values))


def _place(environment: Mapping[str, Any]) -> str:
    device = str(environment.get("device") or "an unrecorded device")
    parts = [str(environment["cpu"])] if environment.get("cpu") else []
    for key in ("cores", "threads"):
        if environment.get(key) is not None:
            number = environment[key]
            parts.append(f"{number} {key[:-1] if number == 1 else key}")
    about = plain(", ".join(parts))
    if device == "cpu":
        place = f"on the CPU ({about})" if about else "on the CPU"
    else:
        place = f"on {plain(device)}" + (f" (CPU: {about})" if about else "")
    system = environment.get("system")
    return f"{place} under {plain(str(system))}" if system else place


def _precision(name: str) -> str:
    return f"trained in {_PRECISIONS.get(name, code(name))}"


def _versions(environment: Mapping[str, Any]) -> str:
    versions = environment.get("versions") or {}
    found = [
        f"{words} {plain(str(versions[name]))}"
        for name, words in _PACKAGES.items()
        if versions.get(name) not in (None, _MISSING)
    ]
    return listing(found) if found else "not recorded"


def _commit(environment: Mapping[str, Any]) -> str:
    commit = environment.get("git_commit")
    if commit is None:
        return "in a folder without a recorded git commit"
    return f"in a working copy at git commit {code(str(commit))}"
