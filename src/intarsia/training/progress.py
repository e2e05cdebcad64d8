"""What a training says while it works, a line at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from intarsia.recipe import TrainSection
from intarsia.training.plan import readable_duration

Row = dict[str, Any]


def progress_line(
    train: TrainSection,
    history: Sequence[Row],
    *,
    place: tuple[int, int, int],
    per_step: float,
    images_per_second: float,
    loss: float | None,
) -> str:
    """Where the training is: `place` is (epoch, step, steps an epoch), `per_step` in seconds."""
    epoch, step, steps = place
    measured = [row["validation_seconds"] for row in history if row["validation_seconds"]]
    left = per_step * ((train.epochs - epoch) * steps + steps - step)
    left += sum(measured[-1:]) * (train.epochs - epoch + 1) / train.validate_every
    without = "" if measured else " without validation"
    return (
        f"epoch {epoch}/{train.epochs}, step {step}/{steps}: "
        f"loss {math.nan if loss is None else loss:.4f}, {images_per_second:.1f} images/s, "
        f"about {readable_duration(left)} to the end{without}"
    )


def epoch_line(row: Row, epochs: int, *, best: bool) -> str:
    """The figures of a finished epoch."""

    def shown(name: str) -> str:
        return "n/a" if row[name] is None else f"{row[name]:.4f}"

    line = (
        f"epoch {row['epoch']}/{epochs}: train loss {shown('train_loss')}, "
        f"mIoU {shown('train_miou')}"
    )
    if row["validation_seconds"] > 0:
        line += (
            f"; val loss {shown('val_loss')}, mIoU {shown('val_miou')}, "
            f"pixel accuracy {shown('val_pixel_accuracy')}"
        )
    return f"{line}, {row['images_per_second']:.1f} images/s{' (best so far)' if best else ''}"
