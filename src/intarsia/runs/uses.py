"""Whether a network can be used as a recipe says."""

from __future__ import annotations

from intarsia.errors import RecipeError, did_you_mean
from intarsia.labels import LabelMap
from intarsia.recipe import PredictSection


def check_uses(settings: PredictSection, labels: LabelMap) -> None:
    """Raises RecipeError where the settings do not fit the classes."""
    if settings.threshold is not None and len(labels) != 2:
        raise RecipeError(
            f"a threshold decides between two classes; the model has {len(labels)}",
            where="predict.threshold",
            hint="leave predict.threshold out",
        )
    if settings.soft and len(labels) != 2:
        raise RecipeError(
            f"a soft mask shows the second of two classes; the model has {len(labels)}",
            where="predict.soft",
            hint="leave predict.soft out; --probabilities writes those of all classes",
        )
    for name in settings.portrait:
        if name not in labels.names:
            raise RecipeError(
                f'no class "{name}"',
                where="predict.portrait",
                hint=did_you_mean(name, labels.names),
            )
