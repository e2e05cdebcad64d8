"""What was measured, in sentences: metrics with their definitions, costs."""

from __future__ import annotations

from intarsia.comparison import Comparison, Entry
from intarsia.reporting.methods.wording import code, counted, listing, plain
from intarsia.statistics.estimand import MACRO

_SHORT = {
    "miou": "macro mIoU (the plain mean over the classes of IoU = TP / (TP + FP + FN))",
    "micro_iou": "micro IoU (the sum of TP over the sum of TP + FP + FN of all classes)",
    "mean_dice": "macro mean Dice (the plain mean over the classes of 2 TP / (2 TP + FP + FN))",
    "mean_accuracy": "macro mean accuracy (the plain mean over the classes of TP / (TP + FN))",
    "pixel_accuracy": "pixel accuracy (the share of labelled pixels that are right)",
}


def measure_sentences(comparison: Comparison) -> list[str]:
    """The primary figure and the others, the rule for empty truth, what chose and what was seen."""
    entries = comparison.entries
    fixed = "is"
    if comparison.declared:
        when = ", after a training only," if comparison.primary_late else ""
        fixed = f"was fixed in the data set's description{when} as"
    metrics = [_SHORT.get(name, code(name)) for name in entries[0].estimates]
    sentences = [
        "All figures follow from one confusion matrix, the sum over all images, at the images' own "
        "size.",
        f"The primary figure {fixed} {plain(comparison.metric_name)}"
        + ("" if comparison.declared else ", the default"),
    ]
    sentences[-1] += "; runs are ranked and compared by it."
    sentences.append(f"Reported are {listing(metrics)}, and the IoU of each class.")
    if MACRO and any(name in MACRO for name in entries[0].estimates):
        sentences.append(
            "A class in neither truth nor prediction is not available and left out of a mean; one "
            "that is predicted and nowhere true counts as 0."
        )
    absent = [
        plain(comparison.labels.names[k])
        for k in range(len(comparison.labels))
        if not any(int(m[:, k].sum()) for m in entries[0].matrices)
    ]
    if absent:
        sentences.append(f"Without a pixel in the truth of these images: {listing(absent)}.")
    return [*sentences, *_chosen(comparison), _looks(entries)]


def _chosen(comparison: Comparison) -> list[str]:
    chosen: dict[int, list[str]] = {}
    for entry in comparison.entries:
        if entry.chosen_on:
            chosen.setdefault(entry.chosen_on, []).append(code(entry.name))
    sentences = []
    for count, names in chosen.items():
        which = f"{count} of these images" if count < comparison.images else "These images"
        sentences.append(
            f"{which} also chose the checkpoint of {listing(names)}, so that the figures are a "
            "little better than on new images."
        )
    return sentences


def _looks(entries: tuple[Entry, ...]) -> str:
    looks = {entry.name: entry.test_looks for entry in entries if entry.contender.runs}
    if not any(looks.values()):
        return "By their own records, none of the runs has been measured on a test split."
    listed = listing([f"{code(name)} {counted(count, 'time')}" for name, count in looks.items()])
    return f"By their own records, the runs had been measured on a test split so often: {listed}."


def cost_sentences(trained: tuple[Entry, ...]) -> list[str]:
    """How the cost columns were measured."""
    sentences = []
    if any(entry.cost.milliseconds_per_image is not None for entry in trained):
        sentences.append(
            "Milliseconds per image are the median over several rounds and images, from decoded "
            "pixels to the mask; the networks took turns in each round."
        )
    if any(entry.cost.multiply_adds is not None for entry in trained):
        sentences.append(
            "Multiply-adds are those of one image, as PyTorch counts the operations of the network."
        )
    if any(entry.cost.peak_memory_bytes is not None for entry in trained):
        sentences.append("Peak memory is the highest of a training.")
    return sentences
