"""What differs between a published training and ours, a line each."""

from __future__ import annotations

from intarsia.reproduction.results import Result
from intarsia.reproduction.system import Experiment, System


def differences(system: System, experiment: Experiment, result: Result) -> tuple[str, ...]:
    """The differences that the run itself tells, beside those of the whole system."""
    theirs = system.published
    counts = ", ".join(f"{number} {split}" for split, number in result.images.items())
    said = ", ".join(f"{theirs.counts[s]} {s}" for s in result.images if s in theirs.counts)
    lines = [f"Images: {counts}; theirs: {said or theirs.split}"]
    height, width = result.image_size
    lines.append(f"Samples of {height} x {width} pixels, {result.precision}.")
    epochs = theirs.epochs.get(result.model)
    if epochs is not None and epochs != result.epochs:
        lines.append(f"Epochs: {result.epochs}; theirs: {epochs}.")
    batch = theirs.batch_sizes.get(result.model)
    if batch is not None and batch != result.batch_size:
        lines.append(f"Batch size: {result.batch_size}; theirs: {batch}.")
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
