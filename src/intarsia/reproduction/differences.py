"""What differs between a published training and ours, a line each."""

from __future__ import annotations

from intarsia.reproduction.results import Result
from intarsia.reproduction.system import System


def differences(system: System, result: Result) -> tuple[str, ...]:
    """The differences that the run itself tells, beside those of the whole system."""
    theirs = system.published
    lines = []
    counts = ", ".join(f"{number} {split}" for split, number in result.images.items())
    said = ", ".join(f"{theirs.counts[s]} {s}" for s in result.images if s in theirs.counts)
    lines.append(f"Images: {counts}; theirs: {said or theirs.split}.")
    epochs = theirs.epochs.get(result.model)
    if epochs is not None and epochs != result.epochs:
        lines.append(f"Epochs: {result.epochs}; theirs: {epochs}.")
    batch = theirs.batch_sizes.get(result.model)
    if batch is not None and batch != result.batch_size:
        lines.append(f"Batch size: {result.batch_size}; theirs: {batch}.")
    if result.weights == "none":
        if "scratch" not in theirs.weights or result.ours:
            lines.append(f"Random first weights; theirs: {theirs.weights}")
    else:
        lines.append("The encoder starts from ImageNet weights.")
    if result.quick:
        lines.append("A quick look on a few small images: the figures mean nothing.")
    return tuple(lines)
