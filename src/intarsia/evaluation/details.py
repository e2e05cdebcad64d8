"""What a sheet says beyond its matrix: borders, calibration, and where the errors are."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from intarsia import metrics
from intarsia.metrics import BoundaryMetrics, ErrorShares, ReliabilityBin, Temperature

_SHOWN = 5  # of the pairs and classes with the most errors
_NAME = 14  # characters of a class
_LABEL = 20  # characters before a figure


@dataclass(frozen=True)
class Details:
    """The details of an evaluation, in the order of its classes.

    `boundary` are means over images, in pixels. `calibration_error` is over all pixels,
    `class_calibration_errors` of those that were given each class, `reliability` the diagram of
    all. `errors` is the error budget. `temperature` is fitted where the split chose the
    checkpoint, which is what a temperature may be chosen on, too; else, and where one was used,
    None.
    """

    boundary: tuple[BoundaryMetrics, ...]
    calibration_error: float | None
    class_calibration_errors: tuple[float | None, ...]
    reliability: tuple[ReliabilityBin, ...]
    errors: ErrorShares
    temperature: Temperature | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        errors = dict(content["errors"])
        for key in ("pairs", "missed_classes", "invented_classes"):
            errors[key] = tuple(tuple(row) for row in errors[key])
        fitted = content["temperature"]
        return cls(
            boundary=tuple(BoundaryMetrics(**row) for row in content["boundary"]),
            calibration_error=content["calibration_error"],
            class_calibration_errors=tuple(content["class_calibration_errors"]),
            reliability=tuple(ReliabilityBin(**row) for row in content["reliability"]),
            errors=ErrorShares(**errors),
            temperature=None if fitted is None else Temperature(**fitted),
        )

    def __str__(self) -> str:
        heads = ("b. IoU", "b. F1", "NSD", "HD95", "images", "missed", "invented", "ECE")
        widths = [max(6, len(head)) for head in heads]
        first = min(_NAME, max(len("class"), *(len(row.name) for row in self.boundary)))
        titles = [f"{head:>{width}}" for head, width in zip(heads, widths, strict=True)]
        lines = ["  ".join([f"{'class':<{first}}", *titles])]
        for row, error in zip(self.boundary, self.class_calibration_errors, strict=True):
            cells = [
                *(_number(value, 3) for value in (row.iou, row.f1, row.nsd)),
                _number(row.hausdorff95, 1),
                *(str(count) for count in (row.images, row.missed, row.invented)),
                _number(error, 3),
            ]
            texts = [f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)]
            lines.append("  ".join([f"{_shorten(row.name):<{first}}", *texts]))
        lines += ["", f"{'ECE, all pixels':<{_LABEL}}{_number(self.calibration_error, 3)}"]
        if self.temperature is not None:
            lines.append(f"{'temperature':<{_LABEL}}{_of_temperature(self.temperature)}")
        return "\n".join([*lines, *self._budget()])

    def _budget(self) -> list[str]:
        errors = self.errors
        if not errors.errors:
            return [f"{'errors':<{_LABEL}}none"]
        kinds = [f"{kind} {_percent(getattr(errors, kind))}" for kind in metrics.ERROR_KINDS]
        pairs = [
            f"{_shorten(true)} as {_shorten(other)} {_percent(share)}"
            for true, other, share in errors.pairs
        ]
        missed = [f"{_shorten(name)} {_percent(share)}" for name, share in errors.missed_classes]
        invented = [
            f"{_shorten(name)} {_percent(share)}" for name, share in errors.invented_classes
        ]
        lines = []
        for head, parts in (
            ("errors", kinds),
            ("  confused", pairs),
            ("  missed", missed),
            ("  invented", invented),
        ):
            if parts:
                text = ", ".join(parts[:_SHOWN])
                indent = " " * _LABEL
                lines += textwrap.wrap(
                    text, 80, initial_indent=f"{head:<{_LABEL}}", subsequent_indent=indent
                )
        return lines


class DetailRecords:
    """The details of each image, from which those of all follow.

    `boundary` (N, K, 4) float32 in the order of `metrics.BOUNDARY_MEASURES`, NaN where n/a;
    `reliability` (N, K, 15, 3) float64; `errors` (N, 4, K) int32, kinds of error by true class;
    `error_budget` (4, K, K) int64 of all images. An image takes about 400 bytes a class.
    """

    def __init__(self, images: int, classes: int) -> None:
        kinds = len(metrics.ERROR_KINDS)
        self.boundary = np.full(
            (images, classes, len(metrics.BOUNDARY_MEASURES)), np.nan, np.float32
        )
        self.reliability = np.zeros((images, classes, metrics.BINS, 3))
        self.errors = np.zeros((images, kinds, classes), np.int32)
        self.error_budget = np.zeros((kinds, classes, classes), np.int64)

    def measure(
        self,
        place: int,
        truth: NDArray[np.integer],
        mask: NDArray[np.integer],
        confidence: NDArray[np.float32],
        ignore_index: int,
    ) -> None:
        """Keeps the details of one image: its truth, its mask, the probability of each answer."""
        classes = self.errors.shape[2]
        self.boundary[place] = metrics.boundary_measures(truth, mask, classes, ignore_index)
        self.reliability[place] = metrics.reliability_counts(
            truth, mask, confidence, classes, ignore_index
        )
        budget = metrics.error_budget(truth, mask, classes, ignore_index)
        self.errors[place] = budget.sum(axis=2)
        self.error_budget += budget

    @classmethod
    def joined(cls, parts: Sequence[Mapping[str, NDArray[Any]]]) -> Self:
        """Those of several sheets in a row, each as `arrays` gives it.

        Raises KeyError where one has none.
        """
        joined = cls(0, parts[0]["errors"].shape[2])
        joined.boundary = np.concatenate([part["boundary"] for part in parts])
        joined.reliability = np.concatenate([part["reliability"] for part in parts])
        joined.errors = np.concatenate([part["errors"] for part in parts])
        joined.error_budget = np.sum([part["error_budget"] for part in parts], axis=0)
        return joined

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What the `.npz` of the sheet holds beside the matrices."""
        return {
            "boundary": self.boundary,
            "reliability": self.reliability,
            "errors": self.errors,
            "error_budget": self.error_budget,
        }

    def details(
        self,
        matrices: NDArray[np.integer],
        names: Sequence[str],
        temperature: Temperature | None = None,
    ) -> Details:
        """The details of all images; `matrices` (N, K, K) are theirs."""
        counts = self.reliability.sum(axis=0)
        matrix = matrices.sum(axis=0, dtype=np.int64)
        return Details(
            boundary=metrics.boundary_metrics(self.boundary, matrices, names),
            calibration_error=metrics.calibration_error(counts),
            class_calibration_errors=metrics.class_calibration_errors(counts),
            reliability=metrics.reliability_diagram(counts.sum(axis=0)),
            errors=metrics.error_shares(self.error_budget, matrix, names),
            temperature=temperature,
        )


def _of_temperature(fitted: Temperature) -> str:
    before, after = f"{fitted.nll_before:.3f}", f"{fitted.nll_after:.3f}"
    limit = ", at its limit" if fitted.at_limit else ""
    return f"{fitted.value:.2f} (mean NLL {before} without, {after} with it){limit}"


def _shorten(name: str) -> str:
    return name if len(name) <= _NAME else name[: _NAME - 1] + "…"


def _number(value: float | None, digits: int) -> str:
    return "n/a" if value is None else f"{value:.{digits}f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.005 else "<1 %"
