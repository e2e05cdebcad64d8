"""How a recipe uses its network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

from intarsia.errors import RecipeError, nearest
from intarsia.inference import Settings
from intarsia.recipe import PredictSection, Recipe


def settings_of(section: PredictSection, *, temperature: float) -> Settings:
    """The section as plain values, with what its temperature, maybe `fitted`, comes to."""
    values = {f.name: getattr(section, f.name) for f in fields(Settings)}
    return Settings(**{**values, "temperature": temperature})


def used_otherwise(recipe: Recipe, assignments: Iterable[str]) -> Recipe:
    """A copy with `predict.KEY=VALUE` texts applied.

    Raises:
        RecipeError: a key that does not belong to prediction, or a wrong value.
    """
    texts = list(assignments)
    known = recipe.flat()
    for text in texts:
        key, _, value = (part.strip() for part in text.partition("="))
        if key.startswith("predict."):
            continue
        uses = [k for k in known if k.startswith("predict.")]
        if key in known:
            raise RecipeError(f'"{key}" is decided by the training', expected=", ".join(uses))
        close = nearest(key, [k.removeprefix("predict.") for k in uses])
        raise RecipeError(
            f'unknown key "{key}"',
            expected=", ".join(uses),
            hint=f"did you mean predict.{close}={value or 'VALUE'}?" if close else None,
        )
    return recipe.set(texts)
