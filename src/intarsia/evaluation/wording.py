"""What must be said beside the figures of a sheet, in sentences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from intarsia.datasets.primary import Primary
from intarsia.evaluation.names import OUT_OF_FOLD

if TYPE_CHECKING:
    from intarsia.evaluation.sheet import Evaluation

_MOST = 5  # names in a list


def title_of(sheet: Evaluation) -> str:
    """The data, the split, and how much was measured."""
    text = f"{sheet.data}, {sheet.split}: {count(sheet.images, 'image')}"
    if sheet.intervals is not None and sheet.intervals.unit == "group":
        text += f" in {count(sheet.intervals.units, 'group')}"
    return text


def primary_of(sheet: Evaluation) -> str:
    """The figure that counts, and since when that stands."""
    if sheet.primary is None:
        return f"{Primary('miou')}, not declared in dataset.yaml"
    when = ", but only after the training" if sheet.primary_late else ""
    return f"{sheet.primary}, declared in dataset.yaml{when}"


def estimand_of(sheet: Evaluation) -> str:
    """What the figures estimate: aggregation, empty truth, unit, and what the split decided."""
    said = [
        "Each figure is of the pixels of all images together: macro is the plain mean over the "
        "classes, micro takes all classes as one."
    ]
    absent = [row.name for row in sheet.classes if row.iou is None]
    said.append(
        "A class in neither truth nor prediction is n/a and left out"
        + (f" ({len(absent)} of {len(sheet.names)}: {listed(absent)})" if absent else "")
        + "; one that is only predicted has IoU 0."
    )
    intervals = sheet.intervals
    if intervals is not None:
        units = f"{count(intervals.units, intervals.unit)}"
        if intervals.unit == "group":
            units += f" of {count(sheet.images, 'image')}"
        methods = intervals.methods
        said.append(
            f"Unit of the {100 * intervals.level:g} % intervals: the {intervals.unit}, {units}"
            + (f" ({', '.join(methods)})." if methods else ".")
        )
    return " ".join([*said, _choice(sheet)])


def false_alarms_of(sheet: Evaluation) -> str:
    """Where classes were predicted on images without them, the most pixels first; or empty."""
    if sheet.intervals is None:
        return ""
    empty = {name: row for name, row in sheet.intervals.empty.items() if row.images}
    if not empty:
        return "Every class is in the truth of every image."
    alarms = sorted(
        ((name, row) for name, row in empty.items() if row.alarms),
        key=lambda item: (-item[1].pixels, item[0]),
    )
    if not alarms:
        return "No class was predicted on an image without it."
    words = [
        f"{name} on {row.alarms} of {row.images} ({count(row.pixels, 'pixel')})"
        for name, row in alarms
    ]
    return f"False alarms, on images without the class in their truth: {listed(words)}."


def remarks_of(sheet: Evaluation) -> list[str]:
    """What else a reader must know, a sentence or two each."""
    remarks = []
    if sheet.intervals is not None:
        remarks += [*sheet.intervals.remarks, false_alarms_of(sheet)]
    if sheet.settings:
        changed = ", ".join(f"{key} {value}" for key, value in sheet.settings.items())
        remarks.append(f"Not as the recipe predicts: {changed}.")
    if sheet.split == "train":
        remarks.append("The model was trained on these images.")
    if sheet.split == "test" or sheet.test_looks:
        including = ", this one included" if sheet.split == "test" else ""
        looks = count(sheet.test_looks, "time")
        remarks.append(f"This run has been measured on test {looks}{including}.")
    return remarks


def listed(words: Iterable[str]) -> str:
    """The first few of some words.

    >>> listed("abcdefg")
    'a, b, c, d, e and 2 more'
    """
    every = list(words)
    more = f" and {len(every) - _MOST} more" if len(every) > _MOST else ""
    return ", ".join(every[:_MOST]) + more


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _choice(sheet: Evaluation) -> str:
    """What the split decided in the training."""
    if sheet.split == OUT_OF_FOLD:
        return (
            "Each image was measured by the fold that was not trained on it, but it took part in "
            "choosing that fold's epoch: the figures are a little better than the truth."
        )
    if sheet.selection:
        return "This split chose the checkpoint: its figures are a little better than the truth."
    return "The checkpoint was not chosen on this split."
