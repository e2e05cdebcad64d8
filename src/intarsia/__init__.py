"""Intarsia: from a folder of images and masks to a segmentation model you can trust.

Every public name is loaded on first use, so that `import intarsia` stays fast and imports no torch.

>>> import intarsia as ia
>>> ia.errors.nearest("mini-unett", ["mini-unet", "unet-mobilenetv2"])
'mini-unet'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from intarsia import draw as draw
    from intarsia import errors as errors
    from intarsia.comparison import Ablation as Ablation
    from intarsia.comparison import Comparison as Comparison
    from intarsia.comparison import ablate as ablate
    from intarsia.comparison import compare as compare
    from intarsia.comparison import compare_recipes as compare_recipes
    from intarsia.conversion import convert as convert
    from intarsia.datasets import Dataset as Dataset
    from intarsia.doctor.check import check as check
    from intarsia.errors import IntarsiaError as IntarsiaError
    from intarsia.evaluation import Evaluation as Evaluation
    from intarsia.evaluation import evaluate as evaluate
    from intarsia.labels import LabelMap as LabelMap
    from intarsia.models import build_model as build_model
    from intarsia.prediction import Predictor as Predictor
    from intarsia.prediction import predict_folder as predict_folder
    from intarsia.recipe import Recipe as Recipe
    from intarsia.recipe import recipe_names as recipe_names
    from intarsia.reporting import write_ablation as write_ablation
    from intarsia.reporting import write_comparison as write_comparison
    from intarsia.reporting import write_report as write_report
    from intarsia.runs import Run as Run
    from intarsia.training import train as train
    from intarsia.training import train_folds as train_folds

__version__ = "0.1.0"

# Where each public name lives. Modules are nouns and functions verbs, so that no submodule ever
# takes the place of a function: `ia.train` is the function, `intarsia.training` the module.
_HOMES = {
    "Ablation": "comparison",
    "Comparison": "comparison",
    "Dataset": "datasets",
    "Evaluation": "evaluation",
    "IntarsiaError": "errors",
    "LabelMap": "labels",
    "Predictor": "prediction",
    "Recipe": "recipe",
    "Run": "runs",
    "ablate": "comparison",
    "build_model": "models",
    "check": "doctor",
    "compare": "comparison",
    "compare_recipes": "comparison",
    "convert": "conversion",
    "evaluate": "evaluation",
    "predict_folder": "prediction",
    "recipe_names": "recipe",
    "train": "training",
    "train_folds": "training",
    "write_ablation": "reporting",
    "write_comparison": "reporting",
    "write_report": "reporting",
}
_MODULES = ("draw", "errors")

__all__ = [  # noqa: RUF022 - the order of the work, not of the alphabet
    "Dataset",
    "LabelMap",
    "check",
    "convert",
    "Recipe",
    "recipe_names",
    "build_model",
    "train",
    "train_folds",
    "Run",
    "evaluate",
    "Evaluation",
    "compare",
    "compare_recipes",
    "Comparison",
    "ablate",
    "Ablation",
    "write_report",
    "write_comparison",
    "write_ablation",
    "Predictor",
    "predict_folder",
    "draw",
    "errors",
    "IntarsiaError",
]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _HOMES:
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
