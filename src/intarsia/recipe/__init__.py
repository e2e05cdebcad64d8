"""The recipe: everything that decides a training, validated in one place."""

from intarsia.recipe.recipe import DEFAULT, SCHEMA, Recipe, parse_duration, recipe_names
from intarsia.recipe.sections import (
    AugmentSection,
    DataSection,
    LossSection,
    ModelSection,
    PredictSection,
    ScheduleSection,
    TrainSection,
)

__all__ = [
    "DEFAULT",
    "SCHEMA",
    "AugmentSection",
    "DataSection",
    "LossSection",
    "ModelSection",
    "PredictSection",
    "Recipe",
    "ScheduleSection",
    "TrainSection",
    "parse_duration",
    "recipe_names",
]
