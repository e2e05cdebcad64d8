"""Findings about files: pairs, decoding, sizes, depth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from intarsia.datasets import Dataset, Drawing, Sample
from intarsia.doctor.findings import Finding
from intarsia.doctor.inspection import ImageFacts, Inspection, MaskFacts
from intarsia.errors import ImageError, nearest

_MOST_NEAREST = 100  # looking for the nearest name is slow: not for thousands of lone files
_MOST_CANDIDATES = 2000
_EXAMPLES = 3
_MARGIN = 0.05
# How the rules begin that dataset.yaml sets (datasets/declared.py).
_DECLARED_RULES = ("clip", "window", "percentiles")
_LONGEST = 16
_PLAIN_MODES = ("RGB", "L", "P", "1", "I;16", "MINISBLACK")
_SMALLEST = 32  # what most networks divide an image by


def shown(path: Path | Drawing, data: Dataset) -> str:
    """A path for people: relative to the data set where it lies inside, always printable.

    Of a drawing, the file of annotations and the image's entry in it.
    """
    if isinstance(path, Drawing):
        return shown(path.source, data) + (f" ({printable(path.key)})" if path.key else "")
    inside = data.root.as_posix().rstrip("/") + "/"
    return printable(path.as_posix().removeprefix(inside))


def printable(text: str) -> str:
    """A name for people; bytes that are no UTF-8, and control characters, are escaped."""
    return text if text.isprintable() else ascii(text)[1:-1]


def findings(data: Dataset, inspections: Sequence[Inspection]) -> Iterator[Finding]:
    """Everything about files."""
    yield from _unpaired(data)
    yield from _doubled(data)
    yield from _notes(data, inspections)
    usual = _usual_depth(inspections)
    yield from _range(data, inspections, usual)
    for one in inspections:
        if isinstance(one.image, ImageError):
            yield _unreadable("image", one.sample.image, one.image, data)
        else:
            yield from _image(data, one.sample, one.image, usual)
        if isinstance(one.mask, ImageError) and one.sample.mask is not None:
            yield _unreadable("mask", one.sample.mask, one.mask, data)
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


def _doubled(data: Dataset) -> Iterator[Finding]:
    for first, second in data.doubled:
        yield Finding.of(
            "two-files-one-name",
            shown(second, data),
            f"has the name of {shown(first, data)}",
            expected="names that differ in more than the extension",
            hint="nobody can tell which is meant, and neither is used: rename or remove one",
            other=shown(first, data),
        )


def _notes(data: Dataset, inspections: Sequence[Inspection]) -> Iterator[Finding]:
    """What becomes of files that are stored unlike plain 8-bit RGB or grey: said, never silent."""
    images = [(i.sample, i.image) for i in inspections if isinstance(i.image, ImageFacts)]
    deep = [image for _, image in images if image.dtype != "uint8"]
    if deep:
        scaling = data.scaling
        yield Finding.of(
            "deep-images",
            None,
            f"{len(deep)} of {len(images)} images are {deep[0].dtype}: values from "
            f"{scaling.low:g} to {scaling.high:g} become 0 to 1",
            hint="another range, or a window, stands in dataset.yaml (image: {scale: ...})",
        )
    for sample, image in images:
        if image.mode in _PLAIN_MODES:
            continue
        file = shown(sample.image, data)
        if image.mode in ("CMYK", "SEPARATED", "YCCK"):
            yield Finding.of(
                "cmyk-image", file, image.mode, hint="nothing; or export it as RGB yourself"
            )
        elif image.mode in ("RGBA", "LA", "PA", "La", "RGBa") and data.channels != 4:
            yield Finding.of(
                "alpha-image", file, image.mode, hint="nothing, unless transparency means something"
            )


def unreadable(what: str, file: str, fault: ImageError) -> Finding:
    """The finding for an "image" or a "mask" that cannot be read: a code for every reason."""
    return Finding.of(
        f"unreadable-{what}" if fault.kind == "damaged" else fault.kind,
        file,
        fault.what,
        expected=fault.expected or "a whole image file",
        hint=fault.hint or "replace the file, or move the pair out of the data set",
    )


def _unreadable(what: str, path: Path | Drawing, fault: ImageError, data: Dataset) -> Finding:
    return unreadable(what, shown(path, data), fault)


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
    height, width = image.size
    usual_shape = min(height, width) >= _SMALLEST and max(height, width) <= _LONGEST * min(
        height, width
    )
    if image.dtype == usual and not image.blank and usual_shape:
        return
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
    if max(image.size) > _LONGEST * min(image.size):
        yield Finding.of(
            "extreme-shape",
            file,
            _hw(image.size),
            expected=f"at most {_LONGEST} times as long as wide",
            hint="cut it into pieces, or leave it out if it is an accident",
        )


def _sizes(data: Dataset, sample: Sample, image: ImageFacts, mask: MaskFacts) -> Iterator[Finding]:
    if image.size == mask.size and image.orientation == 1:
        return
    file = shown(sample.mask or sample.image, data)
    expected = f"{_hw(image.size)}, as {shown(sample.image, data)}"
    if image.size == mask.size:
        square = image.size[0] == image.size[1]
        if image.orientation in (2, 3, 4) or (image.orientation >= 5 and square):
            yield Finding.of(
                "exif-turned",
                shown(sample.image, data),
                f"EXIF orientation {image.orientation}, which is applied",
                hint="look whether the mask was drawn on the photo as it is shown upright",
            )
        return
    hint = "scale the mask with nearest-neighbour, or pair it with the image it was drawn on"
    if image.size == mask.size[::-1]:
        hint = "height and width are swapped: rotate the mask by 90 degrees"
        if image.orientation >= 5:
            drawn = isinstance(sample.mask, Drawing)
            yield Finding.of(
                "exif-mismatch",
                file,
                _hw(mask.size),
                expected=expected,
                hint=f"the photo is stored turned (EXIF orientation {image.orientation}, which is "
                "applied), and "
                + (
                    "the file of annotations gives its size unturned: swap width and height there, "
                    "and look whether the shapes fit"
                    if drawn
                    else "the mask was drawn on it unturned: rotate the mask likewise (check --fix "
                    "does)"
                ),
            )
            return
    yield Finding.of("size-mismatch", file, _hw(mask.size), expected=expected, hint=hint)


def _hw(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]} (height x width)"
