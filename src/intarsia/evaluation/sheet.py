"""The metric sheet: one confusion matrix and everything that follows from it."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from intarsia import metrics
from intarsia.errors import DataError, did_you_mean
from intarsia.evaluation.details import Details
from intarsia.metrics import ClassMetrics, ConfusionMatrix

SCHEMA = 1
OUT_OF_FOLD = "out-of-fold"

_WIDTH = 80
_COLUMNS = (
    ("IoU", "iou"),
    ("Dice", "dice"),
    ("precision", "precision"),
    ("sensitivity", "sensitivity"),
    ("specificity", "specificity"),
)


@dataclass(frozen=True)
class ImageMetrics:
    """One image of an evaluation; `miou` is over the classes in its truth or prediction."""

    file: str
    miou: float | None
    pixel_accuracy: float | None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A metric sheet: one confusion matrix (K, K), rows truth, and all that follows from it.

    `selection` is true where this split chose the checkpoint, so that its figures flatter the
    model. `images` is their number; `per_image` are their own figures, whose mean is not the
    split's mIoU. `test_looks` is how often the run had been measured on a test split by then.
    `settings` are the `predict.*` keys that were not the recipe's. `seconds` is the whole
    measurement, `milliseconds_per_image` the mean from decoded pixels to the mask. `details` are
    there where they were asked for.

    >>> sheet = Evaluation("toy", "val", ("sky", "road"), np.array([[3, 1], [0, 4]]))
    >>> sheet.miou, sheet["road"].iou, sheet.pixel_accuracy, sheet.baseline
    (0.775, 0.8, 0.875, 0.5)
    """

    data: str
    split: str
    names: tuple[str, ...]
    confusion_matrix: ConfusionMatrix
    selection: bool = False
    per_image: tuple[ImageMetrics, ...] = ()
    test_looks: int = 0
    intervals: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    milliseconds_per_image: float | None = None
    details: Details | None = None
    matrices: NDArray[np.integer] | None = None
    groups: tuple[str | None, ...] = ()

    @property
    def name(self) -> str:
        """What its files are called."""
        return sheet_name(self.data, self.split, self.settings)

    @property
    def images(self) -> int:
        return len(self.per_image)

    @cached_property
    def classes(self) -> tuple[ClassMetrics, ...]:
        return metrics.class_metrics(self.confusion_matrix, self.names)

    def __getitem__(self, name: str) -> ClassMetrics:
        for row in self.classes:
            if row.name == name:
                return row
        raise DataError(f'no class "{name}"', hint=did_you_mean(name, self.names))

    @property
    def miou(self) -> float | None:
        return metrics.miou(self.confusion_matrix)

    @property
    def mean_dice(self) -> float | None:
        return metrics.mean_dice(self.confusion_matrix)

    @property
    def mean_accuracy(self) -> float | None:
        return metrics.mean_accuracy(self.confusion_matrix)

    @property
    def pixel_accuracy(self) -> float | None:
        return metrics.pixel_accuracy(self.confusion_matrix)

    @property
    def majority_accuracy(self) -> float | None:
        """The pixel accuracy of always answering the most frequent class."""
        return metrics.majority_accuracy(self.confusion_matrix)

    @property
    def baseline(self) -> float | None:
        """`majority_accuracy`: what pixel accuracy has to be compared with."""
        return self.majority_accuracy

    @property
    def frequency_weighted_iou(self) -> float | None:
        return metrics.frequency_weighted_iou(self.confusion_matrix)

    def to_json(self) -> dict[str, Any]:
        """What `evaluations/<data>-<split>.json` holds; n/a is None."""
        return {
            "schema": SCHEMA,
            "data": self.data,
            "split": self.split,
            "selection": self.selection,
            "images": self.images,
            "miou": self.miou,
            "mean_dice": self.mean_dice,
            "mean_accuracy": self.mean_accuracy,
            "pixel_accuracy": self.pixel_accuracy,
            "majority_accuracy": self.majority_accuracy,
            "frequency_weighted_iou": self.frequency_weighted_iou,
            "classes": [asdict(row) for row in self.classes],
            "confusion_matrix": self.confusion_matrix.tolist(),
            "per_image": [asdict(row) for row in self.per_image],
            "intervals": dict(self.intervals),
            "test_looks": self.test_looks,
            "settings": dict(self.settings),
            "seconds": self.seconds,
            "milliseconds_per_image": self.milliseconds_per_image,
            "details": None if self.details is None else self.details.to_json(),
        }

    @classmethod
    def from_json(
        cls,
        content: Mapping[str, Any],
        matrices: NDArray[np.integer] | None = None,
        groups: tuple[str | None, ...] = (),
    ) -> Self:
        """The inverse of `to_json`; figures are computed again from the confusion matrix."""
        if int(content.get("schema", SCHEMA)) > SCHEMA:
            raise DataError(
                f"schema {content['schema']} of an evaluation is newer than this Intarsia",
                expected=f"{SCHEMA} or lower",
                hint="upgrade Intarsia",
            )
        names = tuple(str(row["name"]) for row in content["classes"])
        matrix = np.array(content["confusion_matrix"], np.int64)
        details = content.get("details")
        return cls(
            data=str(content["data"]),
            split=str(content["split"]),
            names=names,
            confusion_matrix=matrix.reshape(len(names), len(names)),
            selection=bool(content["selection"]),
            per_image=tuple(
                ImageMetrics(str(row["file"]), row["miou"], row.get("pixel_accuracy"))
                for row in content["per_image"]
            ),
            test_looks=int(content.get("test_looks", 0)),
            intervals=dict(content.get("intervals") or {}),
            settings=dict(content.get("settings") or {}),
            seconds=content.get("seconds"),
            milliseconds_per_image=content.get("milliseconds_per_image"),
            details=None if details is None else Details.from_json(details),
            matrices=matrices,
            groups=groups,
        )

    def __str__(self) -> str:
        lines = [_shorten(f"{self.data}, {self.split}: {_count(self.images, 'image')}", _WIDTH), ""]
        for label, text in self._headline():
            lines.append(f"{label:<24}{text}")
        lines += ["", *self._table(), ""]
        if self.details is not None:
            lines += [str(self.details), ""]
        lines += self._remarks()
        return "\n".join(lines).rstrip()

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><td>{html.escape(label)}</td><td>{html.escape(text)}</td></tr>"
            for label, text in self._headline()
        )
        head = "".join(f"<th>{c}</th>" for c in ("class", *(c for c, _ in _COLUMNS), "support"))
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>"
            for row in self._rows()
        )
        title = html.escape(f"{self.data}, {self.split}: {_count(self.images, 'image')}")
        remarks = "".join(f"<p>{html.escape(line)}</p>" for line in self._remarks())
        details = "" if self.details is None else f"<pre>{html.escape(str(self.details))}</pre>"
        return (
            f"<h4>{title}</h4><table>{cells}</table><table><tr>{head}</tr>{rows}</table>"
            f"{details}{remarks}"
        )

    def _headline(self) -> list[tuple[str, str]]:
        support = self.confusion_matrix.sum(axis=1)
        most = self.names[int(support.argmax())] if support.any() else "n/a"
        always = f'(always "{_shorten(most, 20)}": {_ratio(self.majority_accuracy)})'
        return [
            ("mIoU", _ratio(self.miou)),
            ("mean Dice", _ratio(self.mean_dice)),
            ("mean accuracy", _ratio(self.mean_accuracy)),
            ("pixel accuracy", f"{_ratio(self.pixel_accuracy)}  {always}"),
            ("frequency-weighted IoU", _ratio(self.frequency_weighted_iou)),
        ]

    def _rows(self) -> list[tuple[str, ...]]:
        total = int(self.confusion_matrix.sum())
        return [
            (
                row.name,
                *(_ratio(getattr(row, key)) for _, key in _COLUMNS),
                _share(row.support, total),
            )
            for row in self.classes
        ]

    def _table(self) -> list[str]:
        heads = [head for head, _ in _COLUMNS] + ["support"]
        widths = [max(5, len(head)) for head in heads]
        room = _WIDTH - sum(widths) - 2 * len(widths)
        first = min(room, max(len("class"), *(len(name) for name in self.names)))
        lines = []
        for name, *cells in [("class", *heads), *self._rows()]:
            texts = [f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)]
            lines.append("  ".join([f"{_shorten(name, first):<{first}}", *texts]))
        return lines

    def _remarks(self) -> list[str]:
        remarks = []
        if self.split == OUT_OF_FOLD:
            remarks.append(
                "Each image was measured by the fold that was not trained on it, but it took part "
                "in choosing that fold's epoch: the figures are a little better than the truth."
            )
        elif self.selection:
            remarks.append(
                "This split chose the checkpoint: its figures are a little better than the truth."
            )
        if self.settings:
            changed = ", ".join(f"{key} {value}" for key, value in self.settings.items())
            remarks.append(f"Not as the recipe predicts: {changed}.")
        if self.split == "train":
            remarks.append("The model was trained on these images.")
        if self.split == "test" or self.test_looks:
            including = ", this one included" if self.split == "test" else ""
            looks = _count(self.test_looks, "time")
            remarks.append(f"This run has been measured on test {looks}{including}.")
        return remarks


def sheet_name(data: str, split: str, settings: Mapping[str, Any]) -> str:
    """What the files of a sheet are called: data, split, and what was predicted otherwise.

    >>> sheet_name("my toy", "val", {"flip": True})
    'mytoy-val+flip=True'
    >>> sheet_name("toy", "val", {"scales": (0.75, 1.0)}) == sheet_name(
    ...     "toy", "val", {"scales": [0.75, 1.0]}
    ... )
    True
    """
    # JSON gives lists back where there were tuples: one name for both
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}
    changed = "".join(f"+{key}={value}" for key, value in plain.items())
    return f"{data}-{split}{changed}".replace("/", "-").replace(" ", "")


def _ratio(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _share(part: int, whole: int) -> str:
    """A share that says 0 only where there is nothing."""
    if part == 0 or whole == 0:
        return "0 %"
    percent = 100 * part / whole
    return f"{percent:.1f} %" if percent >= 0.05 else "<0.1 %"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _shorten(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
