"""What differs between a published training and ours, a line each."""

from __future__ import annotations

from intarsia.recipe import DEFAULT, Recipe
from intarsia.reproduction.results import Result
from intarsia.reproduction.system import Experiment, System


def differences(system: System, experiment: Experiment, result: Result) -> tuple[str, ...]:
    """The differences that the run itself tells, beside those of the whole system."""
    theirs = system.published
    lines = [f"Data: {result.data}; {len(result.classes)} classes: {', '.join(result.classes)}."]
    counts = ", ".join(f"{number} {split}" for split, number in result.images.items())
    said = ", ".join(f"{theirs.counts[s]} {s}" for s in result.images if s in theirs.counts)
    lines.append(f"Images: {counts}; theirs: {said or theirs.split}")
    height, width = result.image_size
    lines.append(f"Samples of {height} x {width} pixels, {result.precision}.")
    for what, ours, published in (
        ("Epochs", result.epochs, theirs.epochs),
        ("Batch size", result.batch_size, theirs.batch_sizes),
    ):
        said_of = published.get(result.model, "no such network" if result.ours else "not stated")
        if said_of != ours:
            lines.append(f"{what}: {ours}; theirs: {said_of}.")
    if result.budget is not None:
        lines.append(f"The epochs were fitted to a budget of {result.budget}.")
    if experiment.ours and experiment.recipe.model == Recipe.load(DEFAULT).model:
        lines.append(_from_default(experiment.recipe))
    if result.weights != experiment.recipe.train.weights:
        lines.append(
            f"Random first weights, ImageNet's were out of reach. Theirs: {theirs.weights}"
        )
    elif result.weights != "none":
        lines.append("The encoder starts from ImageNet weights.")
    lines.append("Figures of train are of as many of its images as validate.")
    if result.quick:
        lines.append("A quick look on a few small images: the figures mean nothing.")
    return tuple(lines)


def _from_default(recipe: Recipe) -> str:
    """How a recipe differs from the default one, for the reader who takes it for that."""
    default = Recipe.load(DEFAULT).flat()
    changed = [
        f"{key} {_shown(value)} for {_shown(default[key])}"
        for key, value in recipe.flat().items()
        if value != default[key]
    ]
    return f"The default recipe, {DEFAULT}" + (f", with {', '.join(changed)}." if changed else ".")


def _shown(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
