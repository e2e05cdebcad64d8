"""What a check found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
Beside = tuple[tuple[str, str], ...]  # (caption, file) of images to be seen side by side
_NOT_SAVED = ("other", "beside")

# Every code, what it means in one line, and how serious it is where nothing else is said. Codes
# are part of the public JSON: none is renamed.
CODES: dict[str, tuple[Severity, str]] = {
    "not-opened": ("error", "the data set cannot be understood"),
    "missing-mask": ("error", "an image has no mask"),
    "orphan-mask": ("error", "a mask has no image"),
    "two-files-one-name": ("error", "two images, or two masks, share one name"),
    "empty-file": ("error", "a file holds nothing"),
    "not-an-image": ("error", "a file is no image, whatever its name says"),
    "cut-short": ("error", "a file ends before its pixels do"),
    "unreadable-image": ("error", "an image cannot be read"),
    "unreadable-mask": ("error", "a mask cannot be read"),
    "too-many-pixels": ("error", "an image is too large to be held in memory"),
    "several-pages": ("error", "a file holds several images"),
    "not-finite": ("error", "a file holds values that are no numbers, or infinite ones"),
    "not-a-mask": ("error", "a mask holds what cannot be classes"),
    "channel-count": ("error", "an image has another number of channels than the others"),
    "not-a-file": ("error", "a folder, a pipe or a device stands where a file should"),
    "broken-link": ("error", "a link leads to nothing, or to itself"),
    "missing-file": ("error", "a file has gone since the folder was listed"),
    "no-permission": ("error", "a file may not be read"),
    "size-mismatch": ("error", "image and mask differ in size"),
    "exif-mismatch": ("error", "a photo is turned by its EXIF orientation and its mask is not"),
    "unknown-value": ("error", "a mask holds values that are no class"),
    "negative-value": ("error", "a mask holds negative values"),
    "counted-from-one": ("error", "the masks count from 1, the classes from 0"),
    "unknown-color": ("error", "a mask holds colours that are no class"),
    "lossy-mask": ("error", "a mask was compressed with loss"),
    "blurred-mask": ("warning", "a mask was smoothed: values between its classes on the borders"),
    "all-ignored": ("warning", "every pixel of a mask is ignored"),
    "many-empty-masks": ("warning", "many masks hold background only"),
    "empty-mask": ("warning", "a mask holds background only"),
    "blank-image": ("warning", "all pixels of an image are equal"),
    "tiny-image": ("warning", "an image is smaller than 32 pixels on a side"),
    "extreme-shape": ("warning", "an image is far longer than wide"),
    "palette-differs": ("warning", "one index has different colours in different masks"),
    "odd-name": ("warning", "a file name that other programs stumble over"),
    "case-collision": ("warning", "two names differ in upper and lower case only"),
    "link-outside": ("warning", "a link leads out of the data set"),
    "mixed-depth": ("error", "the images are not all stored with the same depth"),
    "no-split": ("error", "a needed split has no images"),
    "split-without-labels": ("error", "a whole split has no labelled pixel"),
    "class-missing": ("error", "a class does not occur in a split"),
    "proposed-split": ("note", "a split that keeps recordings whole"),
    "rare-class": ("note", "a class occurs in very few training images"),
    "identical-across-splits": ("error", "the same image lies in two splits"),
    "identical-images": ("note", "the same image occurs twice in one split"),
    "near-duplicates": ("note", "clusters of images look nearly the same"),
    "conflicting-masks": ("warning", "the same image has two different masks"),
    "interleaved-sequence": (
        "warning",
        "frames of one recording lie on both sides of a split, so that scores come out too high",
    ),
    "near-duplicate-across-splits": (
        "warning",
        "val or test images are suspiciously close to train images: by looks, time or place",
    ),
    "changed-since-split": ("warning", "an image has changed since its split was saved"),
    "group-across-splits": ("warning", "images that belong together lie in two splits"),
    "out-of-range": ("warning", "images hold values beyond those that the scale was guessed from"),
    "small-objects": ("note", "objects of a class vanish at the size of a training"),
    "imbalance": ("note", "some classes have far fewer pixels than others"),
    "color-shift": ("note", "the images of two splits differ in brightness or colour"),
    "odd-class-mix": ("note", "a mask mixes the classes unlike all others"),
    "specks": ("note", "masks hold regions of a few pixels"),
    "holes": ("note", "masks hold holes of a few pixels"),
    "exif-turned": ("note", "a photo is turned by its EXIF orientation; its mask's size fits both"),
    "cmyk-image": ("note", "an image is stored in CMYK and becomes RGB"),
    "alpha-image": ("note", "an image has an alpha channel, which is dropped"),
    "deep-images": ("note", "the images have more than 8 bits"),
    "palette-masks": ("note", "masks have a palette: its indices are the values"),
    "one-bit-masks": ("note", "masks have one bit: 0 and 1"),
    "black-and-white-masks": ("note", "masks hold 0 and 255: two classes"),
    "one-based-masks": ("note", "masks count from 1"),
    "deep-masks": ("note", "masks have more than 8 bits"),
    "changed-since-check": ("note", "a file has changed since it was last checked"),
    "inferred": ("note", "this was inferred from the files"),
}


@dataclass(frozen=True)
class Finding:
    """One fault, or one thing worth knowing, about a data set.

    `file` is relative to the data set's folder where it lies inside; None for a finding about
    the whole. `value` is what was measured, `expected` what should have been, `hint` what to do.
    """

    code: str
    severity: Severity
    file: str | None
    value: str
    expected: str | None = None
    hint: str | None = None
    other: str | None = None  # the second file where a finding is about two; not in the JSON
    beside: tuple[Beside, ...] = ()  # images that show it side by side; not in the JSON

    @classmethod
    def of(
        cls,
        code: str,
        file: str | None,
        value: str,
        *,
        expected: str | None = None,
        hint: str | None = None,
        severity: Severity | None = None,
        other: str | None = None,
        beside: Iterable[Beside] = (),
    ) -> Finding:
        """A finding of a known code, with the code's own severity unless another is given."""
        severity = severity or CODES[code][0]
        return cls(code, severity, file, value, expected, hint, other, tuple(beside))

    def to_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key not in _NOT_SAVED}


@dataclass(frozen=True)
class Report:
    """All findings about one data set, errors first, and its statistics.

    `statistics` is plain JSON: images, sizes, pixels and presence of every class by split.

    >>> report = Report("cats", (Finding.of("missing-mask", "images/7.jpg", "no masks/7.png"),), {})
    >>> len(report.errors), report.errors[0].code
    (1, 'missing-mask')
    """

    data: str
    findings: tuple[Finding, ...]
    statistics: dict[str, Any]

    @classmethod
    def of(cls, data: str, findings: Iterable[Finding], statistics: dict[str, Any]) -> Report:
        """A report with its findings in order: by severity, then by code, then as they came."""
        order = {code: at for at, code in enumerate(CODES)}
        ranked = sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), order[f.code]))
        return cls(data, tuple(ranked), statistics)

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity == "warning")

    @property
    def notes(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity == "note")

    def to_json(self) -> dict[str, Any]:
        """Everything, never shortened: {schema, data, counts, findings, statistics}."""
        return {
            "schema": 1,
            "data": self.data,
            "counts": {
                "error": len(self.errors),
                "warning": len(self.warnings),
                "note": len(self.notes),
            },
            "findings": [f.to_json() for f in self.findings],
            "statistics": self.statistics,
        }

    def __str__(self) -> str:
        from intarsia.doctor.display import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from intarsia.doctor.display import as_html

        return as_html(self)
