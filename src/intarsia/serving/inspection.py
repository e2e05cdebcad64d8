"""What an upload is, before its pixels are decoded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from intarsia.errors import ImageError
from intarsia.images import ImageHeader, read_header
from intarsia.serving.limits import Limits, longest_side
from intarsia.serving.refusal import Refusal

ALWAYS = ("JPEG", "PNG", "WEBP", "BMP")

_START = 132
# formats that are only taken where the model was trained on them, by the ends of file names
_TRAINED = {
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".dcm": "DICOM",
    ".dicom": "DICOM",
    ".pgm": "PPM",
    ".ppm": "PPM",
    ".pnm": "PPM",
    ".jp2": "JPEG2000",
    ".j2k": "JPEG2000",
    ".avif": "AVIF",
}
# told by their first bytes, so that a file of a kind that is not taken is not even parsed
_SIGNATURES = (
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"GIF8", "GIF"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM", "BMP"),
    (b"\0\0\0\x0cjP  ", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    *((f"P{n}".encode(), "PPM") for n in range(1, 8)),
)
_NO_IMAGE = ("empty-file", "not-an-image")


def accepted_formats(suffixes: Iterable[str]) -> tuple[str, ...]:
    """The formats that are taken: the usual ones, and those of the training's own images.

    >>> accepted_formats({".jpg", ".tif"})
    ('JPEG', 'PNG', 'WEBP', 'BMP', 'TIFF')
    """
    more = {_TRAINED[suffix] for suffix in suffixes if suffix in _TRAINED}
    return (*ALWAYS, *sorted(more))


def inspect_upload(
    path: Path, accepted: tuple[str, ...], limits: Limits, *, large: bool, page: int | None
) -> ImageHeader:
    """The header of an upload that may be predicted, at once or, where it is `large`, as a job; no
    pixel is decoded. `page` is that of `read_image`.

    Raises:
        Refusal: 413, 415 or 422.
    """
    with path.open("rb") as file:
        start = file.read(_START)
    kind = sniff(start)
    if kind is not None and kind not in accepted:
        raise _unsupported(f"this is a file of the kind {kind}", accepted)
    try:
        header = read_header(path, page=page)
    except ImageError as error:
        if error.kind in _NO_IMAGE:
            raise _unsupported(error.what, accepted) from error
        if error.kind == "too-many-pixels":
            raise Refusal.of(413, "too-many-pixels", error, path) from error
        raise Refusal.of(422, "unreadable", error, path) from error
    if header.format not in accepted:
        raise _unsupported(f"this is a file of the kind {header.format}", accepted)
    fault = _excess(header, limits.job_pixels if large else limits.max_pixels)
    if fault is not None:
        hint = "cut the image into tiles"
        if not large and _excess(header, limits.job_pixels) is None:
            hint = f"send up to {limits.job_pixels / 1e6:g} million pixels to /v1/jobs"
        raise Refusal(413, "too-many-pixels", fault[0], expected=fault[1], hint=hint)
    if header.frames > 1 and page is None:
        raise Refusal(
            422,
            "unfit",
            f"the file holds {header.frames} images",
            expected="one image a file",
            hint="send a still picture",
        )
    return header


def _excess(header: ImageHeader, most: int) -> tuple[str, str] | None:
    """What there is too much of, and how much may be."""
    size, pixels = f"{header.width} x {header.height}", header.width * header.height
    if pixels > most:
        return f"{size} is {pixels / 1e6:.1f} million pixels", f"at most {most / 1e6:g} million"
    if max(header.width, header.height) > longest_side(most):
        return f"{size}: a side is too long", f"at most {longest_side(most)} pixels a side"
    return None


def sniff(start: bytes) -> str | None:
    """The kind of file by its first bytes; None where they do not tell.

    >>> sniff(b"GIF89a"), sniff(b"hello")
    ('GIF', None)
    """
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[4:12] in (b"ftypavif", b"ftypavis"):
        return "AVIF"
    if start[128:132] == b"DICM":
        return "DICOM"
    return next((kind for begin, kind in _SIGNATURES if start.startswith(begin)), None)


def _unsupported(what: str, accepted: tuple[str, ...]) -> Refusal:
    return Refusal(
        415,
        "unsupported",
        what,
        expected=", ".join(accepted),
        hint="save the image as JPEG or PNG and send that",
    )
