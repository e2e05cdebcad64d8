"""Which mask belongs to which image: by name, never by order."""

from __future__ import annotations

import bisect
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from intarsia.datasets.sample import Sample
from intarsia.errors import DataError
from intarsia.images.header import is_dicom

EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".jp2", ".avif"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".dcm", ".dicom"}
)
# Tried in this order after the plain name; the first that pairs most files is taken for all.
IMAGE_AFFIXES: tuple[tuple[str, str], ...] = (
    ("", ""),
    ("", "_image"),
    ("", "_img"),
    ("", "_sat"),
    ("", "_rgb"),
    ("image_", ""),
    ("img_", ""),
)
MASK_AFFIXES: tuple[tuple[str, str], ...] = (
    ("", "_mask"),
    ("", "-mask"),
    ("", ".mask"),
    ("", "_masks"),
    ("", "_label"),
    ("", "_labels"),
    ("", "_seg"),
    ("", "_segmentation"),
    ("", "_gt"),
    ("", "_annotation"),
    ("", "_trimap"),
    ("", "_L"),
    ("mask_", ""),
    ("label_", ""),
    ("gt_", ""),
)
_PROBES = 50


@dataclass(frozen=True)
class Pairs:
    """Samples that have both files, and the files that stayed alone.

    `doubled` are images, or masks, that share one name: nobody can tell which is meant, so that
    neither becomes a sample.
    """

    samples: tuple[Sample, ...] = ()
    unpaired_images: tuple[Path, ...] = ()
    unpaired_masks: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    doubled: tuple[tuple[Path, Path], ...] = ()

    def __add__(self, other: Pairs) -> Pairs:
        return Pairs(
            self.samples + other.samples,
            self.unpaired_images + other.unpaired_images,
            self.unpaired_masks + other.unpaired_masks,
            self.notes + tuple(n for n in other.notes if n not in self.notes),
            self.doubled + other.doubled,
        )


def entries(folder: Path) -> list[Path]:
    """What lies directly in a folder, sorted.

    Raises:
        DataError: it cannot be listed.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"cannot be listed: {error.strerror or error}", where=folder) from error


def image_files(folder: Path) -> list[Path]:
    """Every image file below `folder`, sorted; hidden files and macOS leftovers are left out.

    Links to folders are not followed, so that no loop of links can hold us.
    """
    return [Path(path) for path in image_paths(folder)]


def image_paths(folder: Path) -> list[str]:
    """As `image_files`, in text: there may be 100,000 of which a few are wanted."""
    return sorted(_walk(folder))


def has_images(folder: Path) -> bool:
    """True where `image_files` finds any; it stops at the first."""
    return next(_walk(folder), None) is not None


def _walk(folder: str | Path) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        refused = isinstance(error, PermissionError)
        raise DataError(
            f"cannot be listed: {error.strerror or error}",
            where=Path(folder),
            hint="give yourself the right to list it (chmod u+rx)" if refused else None,
        ) from error
    for entry in entries:
        if entry.name.startswith(".") or entry.name == "__MACOSX":
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path)
        elif "." not in entry.name:
            if _is_dicom_file(entry):
                yield entry.path
        elif entry.name[entry.name.rfind(".") :].lower() in EXTENSIONS and not _leads_to_folder(
            entry
        ):
            yield entry.path


def _is_dicom_file(entry: os.DirEntry[str]) -> bool:
    """Scanners and archives often write DICOM without an extension."""
    try:
        if not entry.is_file():  # reading a pipe would wait for ever
            return False
        with Path(entry.path).open("rb") as file:
            return is_dicom(file.read(132))
    except OSError:  # it may be anything, and nobody has said that it is an image
        return False


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: a file like any other that cannot be read
        return False


def is_image(path: Path) -> bool:
    """True where the extension is one of an image."""
    return path.suffix.lower() in EXTENSIONS


def key(path: Path, root: Path) -> str:
    """The relative path without extension, in Unicode NFC (macOS writes NFD)."""
    # As text: with_suffix and relative_to cost ten times as much, for each of 100,000 files.
    text, start = path.as_posix(), root.as_posix().rstrip("/") + "/"
    text = text[len(start) :] if text.startswith(start) else path.relative_to(root).as_posix()
    dot = text.rfind(".")
    if text.rfind("/") + 1 < dot < len(text) - 1:
        text = text[:dot]
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def pair_folders(images: Path, masks: Path, *, prefix: str = "", split: str | None = None) -> Pairs:
    """Pair every image below one folder with the mask of the same relative name below another."""
    return pair_files(image_files(images), images, image_files(masks), masks, prefix, split)


def pair_files(
    images: Sequence[Path],
    image_root: Path,
    masks: Sequence[Path],
    mask_root: Path,
    prefix: str = "",
    split: str | None = None,
) -> Pairs:
    """Pair by name; where plain names do not meet, by a prefix or suffix common to all."""
    image_names, doubled_images = _by_name(images, image_root)
    mask_names, doubled_masks = _by_name(masks, mask_root)
    image_affix, mask_affix = _best_affixes(list(image_names), list(mask_names))
    image_keys = _stripped(image_names, image_affix)
    mask_keys = _stripped(mask_names, mask_affix)
    met = tuple(
        Sample(prefix + name, path, mask_keys[name], split)
        for name, path in image_keys.items()
        if name in mask_keys
    )
    unclear = {*doubled_images.values(), *doubled_masks.values()}
    one_of_two = {path for two in unclear for path in two}
    samples = met
    if unclear:
        samples = tuple(s for s in met if not {s.image, s.mask} & one_of_two)
    paired: set[object] = {*one_of_two}
    if len(images) + len(masks) > 2 * len(met):  # else there is no lone file to look for
        paired.update(file for sample in met for file in (sample.image, sample.mask))
    notes: tuple[str, ...] = ()
    if samples and (image_affix, mask_affix) != (("", ""), ("", "")):
        first = samples[0]
        mask = first.mask.name if isinstance(first.mask, Path) else ""
        notes = (f"images and masks are paired by name, such as {first.image.name} with {mask}",)
    return Pairs(
        samples,
        () if len(images) == len(met) else tuple(path for path in images if path not in paired),
        () if len(masks) == len(met) else tuple(path for path in masks if path not in paired),
        notes,
        tuple(sorted(unclear)),
    )


def _by_name(
    files: Iterable[Path], root: Path
) -> tuple[dict[str, Path], dict[str, tuple[Path, Path]]]:
    """The files by name, and the first two files of every name that several have."""
    names: dict[str, Path] = {}
    doubled: dict[str, tuple[Path, Path]] = {}
    for path in files:
        name = key(path, root)
        if name in names:
            doubled.setdefault(name, (names[name], path))
        names.setdefault(name, path)
    return names, doubled


def strip_affix(name: str, affix: tuple[str, str]) -> str | None:
    """The name without prefix and suffix of its last part, None where it does not have them.

    >>> strip_affix("a/img_1_mask", ("img_", "_mask"))
    'a/1'
    """
    folder, slash, stem = name.rpartition("/")
    start, end = affix
    if len(stem) <= len(start) + len(end):
        return None
    if not stem.lower().startswith(start.lower()) or not stem.lower().endswith(end.lower()):
        return None
    return folder + slash + stem[len(start) : len(stem) - len(end)]


def _stripped(names: dict[str, Path], affix: tuple[str, str]) -> dict[str, Path]:
    if affix == ("", ""):
        return names
    stripped = ((strip_affix(name, affix), path) for name, path in names.items())
    return {name: path for name, path in stripped if name is not None}


def _best_affixes(images: list[str], masks: list[str]) -> tuple[tuple[str, str], tuple[str, str]]:
    plain = ("", "")
    best, choice = len(set(images) & set(masks)), (plain, plain)
    if not images or not masks or 2 * best >= min(len(images), len(masks)):
        return choice
    mask_affixes = [plain, *MASK_AFFIXES, *_common_endings(images, masks)]
    for mask_affix in mask_affixes:
        stems = {strip_affix(name, mask_affix) for name in masks} - {None}
        if not stems:
            continue
        for image_affix in IMAGE_AFFIXES:
            count = sum(strip_affix(name, image_affix) in stems for name in images)
            if count > best:
                best, choice = count, (image_affix, mask_affix)
    return choice


def _common_endings(images: list[str], masks: list[str]) -> list[tuple[str, str]]:
    """What masks have behind the name of an image, most frequent first ("_manual1", ".jpg")."""
    ordered = sorted(images)
    endings: Counter[str] = Counter()
    for mask in masks[:: max(1, len(masks) // _PROBES)]:
        at = bisect.bisect_right(ordered, mask)
        if at and mask.startswith(ordered[at - 1]):
            ending = mask[len(ordered[at - 1]) :]
            # Digits alone would pair frame 1 with the mask of frame 10.
            if any(c.isalpha() for c in ending) and "/" not in ending:
                endings[ending] += 1
    return [("", ending) for ending, _ in endings.most_common(5)]
