"""Findings about files: pairs, decoding, sizes, depth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from intarsia.datasets import Dataset, Drawing, Sample
from intarsia.doctor.findings import Finding
from intarsia.doctor.inspection import ImageFacts, Inspection, MaskFacts
from intarsia.errors import IntarsiaError, nearest
from intarsia.images import read_header

_MOST_NEAREST = 100  # looking for the nearest name is slow: not for thousands of lone files
_MOST_CANDIDATES = 2000
_EXAMPLES = 3
_MARGIN = 0.05
# How the rules begin that dataset.yaml sets (datasets/declared.py).
_DECLARED_RULES = ("clip", "window", "percentiles")
_SMALLEST = 32  # what most networks divide an image by


def shown(path: Path | Drawing, data: Dataset) -> str:
    """A path for people: relative to the data set where it lies inside, always printable.

    Of a drawing, the file of annotations and the image's entry in it.
    """
    if isinstance(path, Drawing):
        return shown(path.source, data) + (f" ({printable(path.key)})" if path.key else "")
    relative = path.relative_to(data.root) if path.is_relative_to(data.root) else path
    return printable(relative.as_posix())


def printable(text: str) -> str:
    """A name for people; bytes that are no UTF-8, and control characters, are escaped."""
    return text if text.isprintable() else ascii(text)[1:-1]


def findings(data: Dataset, inspections: Sequence[Inspection]) -> Iterator[Finding]:
    """Everything about files."""
    yield from _unpaired(data)
    usual = _usual_depth(inspections)
    yield from _range(data, inspections, usual)
    for one in inspections:
        if isinstance(one.image, IntarsiaError):
            yield _unreadable("unreadable-image", one.sample.image, one.image, data)
        else:
            yield from _image(data, one.sample, one.image, usual)
        if isinstance(one.mask, IntarsiaError) and one.sample.mask is not None:
            yield _unreadable("unreadable-mask", one.sample.mask, one.mask, data)
        if isinstance(one.image, ImageFacts) and isinstance(one.mask, MaskFacts):
            yield from _sizes(data, one.sample, one.image, one.mask)


def _unpaired(data: Dataset) -> Iterator[Finding]:
    lone_images, lone_masks = list(data.unpaired_images), list(data.unpaired_masks)
    # without a split, nobody has annotated it yet: a note of the data set, and no fault
    without = [s.image for s in data.samples if s.mask is None and s.split is not None]
    mask_names = {p.stem: p for p in lone_masks[:_MOST_CANDIDATES]}
    image_names = {p.stem: p for p in (lone_images + without)[:_MOST_CANDIDATES]}
    for at, path in enumerate(lone_images + without):
        close = nearest(path.stem, mask_names) if at < _MOST_NEAREST else None
        yield Finding.of(
            "missing-mask",
            shown(path, data),
            f'no mask of the name "{printable(path.stem)}"',
            expected="one mask for every image",
            hint=f"rename {shown(mask_names[close], data)}?"
            if close
            else "add its mask, or move the image out of the data set",
        )
    for at, path in enumerate(lone_masks):
        close = nearest(path.stem, image_names) if at < _MOST_NEAREST else None
        yield Finding.of(
            "orphan-mask",
            shown(path, data),
            f'no image of the name "{printable(path.stem)}"',
            expected="one image for every mask",
            hint=f"the nearest image without a mask is {shown(image_names[close], data)}"
            if close
            else "add its image, or move the mask out of the data set",
        )


def _unreadable(code: str, path: Path | Drawing, fault: IntarsiaError, data: Dataset) -> Finding:
    return Finding.of(
        code,
        shown(path, data),
        fault.what,
        expected=fault.expected or "a whole image file",
        hint=fault.hint or "replace the file, or move the pair out of the data set",
    )


def _usual_depth(inspections: Sequence[Inspection]) -> str:
    depths = Counter(i.image.dtype for i in inspections if isinstance(i.image, ImageFacts))
    return depths.most_common(1)[0][0] if depths else ""


def _range(data: Dataset, inspections: Sequence[Inspection], usual: str) -> Iterator[Finding]:
    """Values that the scale, guessed from some of the images, cuts off."""
    scaling = data.scaling
    if scaling.rule.startswith(_DECLARED_RULES):
        return  # cutting off is what was asked for
    # Where the scale is the range of a sample itself, a little beyond it is to be expected.
    margin = 0.0 if "bit" in scaling.rule else _MARGIN * (scaling.high - scaling.low)
    facts = [(i.sample, i.image) for i in inspections if isinstance(i.image, ImageFacts)]
    beyond = [
        (sample, image)
        for sample, image in facts
        if image.dtype == usual  # other depths have their own finding
        and (image.low < scaling.low - margin or image.high > scaling.high + margin)
    ]
    if not beyond:
        return
    low = min(scaling.low, *(image.low for _, image in beyond))
    high = max(scaling.high, *(image.high for _, image in beyond))
    examples = ", ".join(shown(sample.image, data) for sample, _ in beyond[:_EXAMPLES])
    yield Finding.of(
        "out-of-range",
        None,
        f"{len(beyond)} of {len(facts)} images hold values from {low:g} to {high:g}: {examples}"
        + (", ..." if len(beyond) > _EXAMPLES else ""),
        expected=f"{scaling.low:g} to {scaling.high:g} ({scaling.rule})",
        hint="what lies beyond is cut off: say "
        f"image: {{scale: {{clip: [{low:g}, {high:g}]}}}} in dataset.yaml",
    )


def _image(data: Dataset, sample: Sample, image: ImageFacts, usual: str) -> Iterator[Finding]:
    file = shown(sample.image, data)
    if image.dtype != usual:
        yield Finding.of(
            "mixed-depth",
            file,
            image.dtype,
            expected=f"{usual}, as most images have",
            hint="values of another depth are scaled with the same rule and come out too dark or "
            "too bright: convert the images to one depth",
        )
    if image.blank:
        yield Finding.of("blank-image", file, "one value in every pixel", hint="look at the file")
    if min(image.size) < _SMALLEST:
        yield Finding.of(
            "tiny-image",
            file,
            _hw(image.size),
            expected=f"{_SMALLEST} pixels or more on each side",
            hint="it is padded for the network; leave it out if it is an accident",
        )


def _sizes(data: Dataset, sample: Sample, image: ImageFacts, mask: MaskFacts) -> Iterator[Finding]:
    if image.size == mask.size:
        return
    hint = "scale the mask with nearest-neighbour, or pair it with the image it was drawn on"
    if image.size == mask.size[::-1]:
        hint = "height and width are swapped: rotate the mask by 90 degrees"
        if read_header(sample.image).orientation in (5, 6, 7, 8):
            hint = (
                "the photo is stored turned (its EXIF orientation says so and is applied), and the "
                "mask was drawn on it unturned: rotate the mask as the EXIF orientation says"
            )
    file = shown(sample.mask or sample.image, data)
    expected = f"{_hw(image.size)}, as {shown(sample.image, data)}"
    yield Finding.of("size-mismatch", file, _hw(mask.size), expected=expected, hint=hint)


def _hw(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]} (height x width)"
