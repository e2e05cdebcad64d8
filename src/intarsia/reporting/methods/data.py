"""What was measured on, in sentences: images, classes, splits, groups, leaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from intarsia.comparison import Comparison, Entry
from intarsia.datasets.groups import parse_rule
from intarsia.datasets.groups.rule import Rule
from intarsia.evaluation import OUT_OF_FOLD
from intarsia.reporting.methods.wording import code, counted, each, listing, plain

_RULES = {
    "prefix": "images whose file names begin alike",
    "folder": "images of one folder",
    "regex": "images whose file names match alike",
    "csv": "images with the same entry in a table",
    "dicom": "images with the same entry in their DICOM header",
    "exif-time": "images taken at nearly the same time",
    "gps": "images taken at nearly the same place",
    "near-duplicate": "images that look nearly the same",
    "sequence": "frames of one recording",
    "blocks": "frames of one of {} equal runs of a recording",
    "given": "images that the data set's own files put together",
}
_DRAWN = ("no split is given: ", "no val is given: ")


def data_sentences(comparison: Comparison, trained: tuple[Entry, ...]) -> list[str]:
    """The data set, its splits and what was compared on."""
    manifests = {entry.name: entry.contender.runs[0].manifest for entry in trained}
    first = next(iter(manifests.values()))
    names = comparison.labels.names
    classes = listing([plain(name) for name in names])
    sentences = [f"The data set {code(comparison.data)} has {len(names)} classes: {classes}."]
    ignored = [plain(str(name)) for name in first.get("ignored") or []]
    also = f"Pixels labelled {listing(ignored)} and pixels" if ignored else "Pixels"
    sentences.append(f"{also} without a label took no part in training or in any figure.")
    sentences.append(
        each(
            {name: _learnt_from(manifest) for name, manifest in manifests.items()},
            ("The network", "All networks"),
            ("was", "were"),
        )
    )
    drawn = [note for note in first.get("notes") or [] if note.startswith(_DRAWN)]
    sentences += [f"As to the split, {plain(note)}." for note in drawn]
    return [*sentences, _evaluated_on(comparison), *_groups(comparison), *_leaks(trained)]


def _learnt_from(manifest: Mapping[str, Any]) -> str:
    counts = Counter(sample["split"] for sample in manifest["samples"])
    name = code(str(manifest.get("name")))
    folds = Counter(sample.get("fold") for sample in manifest["samples"])
    del folds[None]
    if folds:
        return f"trained on {counted(folds.total(), 'image')} of {name} in {len(folds)} folds"
    return (
        f"trained on {counted(counts['train'], 'image')} of {name}, with "
        f"{counted(counts['val'], 'image')} for validation"
    )


def _evaluated_on(comparison: Comparison) -> str:
    images = counted(comparison.images, "image")
    if comparison.split == OUT_OF_FOLD:
        return f"They were compared on all {images} of the folds, each held out once."
    return f"They were compared on the {images} of the split {code(comparison.split)}."


def _groups(comparison: Comparison) -> list[str]:
    if comparison.unit == "image":
        return [
            "Each of these images counts as independent of the others; where some are alike, as "
            "frames of one recording are, the intervals are too narrow."
        ]
    sizes = sorted(Counter(comparison.groups).values())
    number = f"{sizes[0]}" if sizes[0] == sizes[-1] else f"{sizes[0]} to {sizes[-1]}"
    text = f"They form {counted(len(sizes), 'group')} of {number} images"
    if comparison.group_by is None:
        return [f"{text}, as the data set has them."]
    rule = parse_rule(comparison.group_by)
    return [f"{text}: {_rule(rule)} (rule {code(str(rule))}); an image of no group is its own."]


def _rule(rule: Rule) -> str:
    return _RULES.get(rule.kind, "images put together").format(rule.argument)


def _leaks(trained: tuple[Entry, ...]) -> list[str]:
    found: dict[str, list[str]] = {}
    for entry in trained:
        for leak in entry.leaks:
            found.setdefault(_first_sentence(leak), []).append(code(entry.name))
    sentences = [
        f"The split that {listing(names)} {_was(len(names))} trained with leaks: {plain(leak)}."
        for leak, names in found.items()
    ]
    clean = [code(entry.name) for entry in trained if entry.leaks_checked and not entry.leaks]
    unknown = [code(entry.name) for entry in trained if not entry.leaks_checked]
    if clean:
        of = "" if not found else f" that {listing(clean)} {_was(len(clean))} trained with"
        sentences.append(
            f"An automatic check of the split{of} found no image, near duplicate or group on two "
            "sides of it, and no recording whose frames alternate between them."
        )
    if unknown:
        sentences.append(
            f"Whether the split that {listing(unknown)} {_was(len(unknown))} trained with leaks is "
            "not known: its images were not at hand."
        )
    return sentences


def _first_sentence(leak: str) -> str:
    """What a finding says, without its code and its examples."""
    return leak.partition(": ")[2].partition(". ")[0].rstrip("., ")


def _was(number: int) -> str:
    return "was" if number == 1 else "were"
