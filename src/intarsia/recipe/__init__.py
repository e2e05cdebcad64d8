"""The recipe: everything that decides a training, validated in one place."""

from intarsia.recipe.recipe import SCHEMA, Recipe, parse_duration, recipe_names
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
