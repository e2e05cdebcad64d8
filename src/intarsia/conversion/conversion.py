"""A data set, image by image, into the folder of another format."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from intarsia.conversion.account import Account
from intarsia.conversion.bringing import How, bring
from intarsia.conversion.coco_json import CocoWriter
from intarsia.conversion.cvat_xml import CvatWriter
from intarsia.conversion.description import write_description
from intarsia.conversion.label_studio_json import LabelStudioWriter
from intarsia.conversion.labelme_json import LabelmeWriter
from intarsia.conversion.mask_files import ColorWriter, IndexWriter, PaletteWriter
from intarsia.conversion.writer import Placed, Writer
from intarsia.datasets import Dataset, Sample
from intarsia.datasets.scan import count_values
from intarsia.errors import DataError, did_you_mean
from intarsia.images import read_header, whole_folder

_WRITERS: Mapping[str, Callable[[Path, Dataset], Writer]] = {
    "index": IndexWriter,
    "palette": PaletteWriter,
    "color": ColorWriter,
    "coco": CocoWriter,
    "labelme": LabelmeWriter,
    "cvat": CvatWriter,
    "label-studio": LabelStudioWriter,
}
FORMATS = tuple(_WRITERS)


@dataclass(frozen=True)
class Conversion:
    """What was written where, and what there is to say: counts, what changed, what is lost."""

    out: Path
    to: str
    layout: str
    images: int
    notes: tuple[str, ...]

    def __str__(self) -> str:
        head = f"{self.images} images with their masks in {self.out}, as {self.layout}"
        return "\n".join([head, *(f"  {note}" for note in self.notes)])


@dataclass(frozen=True)
class _Done:
    """One image that was written: what its mask became, and what was seen on the way."""

    placed: Placed
    how: How
    texts: tuple[str, ...] | None
    pixels: Counter[int]
    turned: bool


def convert(
    data: Dataset,
    out: str | os.PathLike[str],
    to: str,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Conversion:
    """Write `data` to the new or empty folder `out` in the format `to`, one of `FORMATS`.

    Every format keeps every mask to the pixel: opened again, the folder gives the same class ids.
    Images are copied byte for byte where the format's program can show them. Beside the format's
    own files lie `dataset.yaml` and, where splits or groups were given, `splits.csv` or
    `groups.csv`: they hold what the format cannot. Nothing of `data` is touched; where the
    conversion fails or is stopped, `out` is not there.

    Raises:
        DataError: no such format; `out` is not empty or lies inside the data set; images or masks
            that cannot be read or do not fit each other, all of them at once; names that cannot
            be written; no room.
    """
    if to not in _WRITERS:
        raise DataError(f'no format "{to}"', hint=did_you_mean(to, FORMATS))
    target = Path(out)
    _check_names(data)
    inside = {data.root, *(f.parent for s in data.samples for f in s.image_files)}
    inside |= {s.mask.parent for s in data.samples if isinstance(s.mask, Path)}
    with whole_folder(target, apart_from=inside, flag="OUT") as folder:
        _check_case(data, folder)
        _check_room(data, folder)
        writer = _WRITERS[to](folder, data)
        account = Account(data, writer)
        placed: list[Placed] = []
        with closing(_written(data, folder, writer)) as results:
            for at, done in enumerate(results, start=1):
                if isinstance(done, DataError):
                    account.faults.append(done)
                elif not account.faults:
                    if done.texts is not None or writer.keeps_unlabelled:
                        writer.add(done.placed, done.texts)
                    placed.append(done.placed)
                    account.add(done.placed, done.how, done.texts, done.pixels, turned=done.turned)
                if progress is not None:
                    progress(at, len(data.samples))
        account.check(to)
        said = writer.finish()
        write_description(folder, data, placed, writer, pictures=account.pictures)
    labelled = sum(one.sample.mask is not None for one in placed)
    return Conversion(target, to, writer.layout, labelled, (*said, *account.notes(to)))


def _written(data: Dataset, folder: Path, writer: Writer) -> Generator[_Done | DataError]:
    """Every image in order, on all cores; after the first fault nothing more is written."""
    broken: list[DataError] = []

    def write(sample: Sample) -> _Done | DataError:
        try:
            return _one(data, sample, folder, writer, only_read=bool(broken))
        except DataError as error:
            broken.append(error)
            return error

    yield from _in_order(write, data.samples)


def _one(data: Dataset, sample: Sample, folder: Path, writer: Writer, *, only_read: bool) -> _Done:
    header = read_header(sample.image, page=data.page)
    size = (header.height, header.width)
    ids = None if sample.mask is None else data.read_mask(sample)
    if ids is not None and ids.shape != size:
        raise DataError(
            f"the mask is {ids.shape[1]} x {ids.shape[0]}, its image {size[1]} x {size[0]} "
            "(width x height)",
            where=sample.mask,
        )
    images = writer.images if ids is not None or writer.keeps_unlabelled else "unlabelled"
    split = None if data.splits_drawn == "all" else sample.split
    if data.splits_drawn == "val" and split == "val":
        split = "train"
    placed = Placed(replace(sample, split=split), f"{images}/{sample.place}", size)
    if only_read:
        return _Done(placed, "copied", None, Counter(), False)
    file, how = bring(data, sample, header, folder / images / sample.place, writer.shows)
    same = sample.sha256 if how == "copied" else None
    moved = replace(placed.sample, image=file, more_channels=(), sha256=same)
    placed = replace(placed, sample=moved, image=file.relative_to(folder).as_posix())
    pixels: Counter[int] = Counter()
    if ids is not None:
        values, counts = count_values(ids)
        pixels.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
    texts = None if ids is None else writer.encode(placed, ids)
    return _Done(placed, how, texts, pixels, header.orientation > 1)


def _in_order(
    write: Callable[[Sample], _Done | DataError], samples: Iterable[Sample]
) -> Iterator[_Done | DataError]:
    """The results in order; only a few images are in memory at once."""
    waiting = iter(samples)
    workers = min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        ahead: deque[Future[_Done | DataError]] = deque(
            pool.submit(write, sample) for sample in islice(waiting, 2 * workers)
        )
        try:
            while ahead:
                done = ahead.popleft().result()
                ahead.extend(pool.submit(write, sample) for sample in islice(waiting, 1))
                yield done
        finally:
            for one in ahead:  # after Ctrl-C nobody waits for what has not begun
                one.cancel()


def _check_names(data: Dataset) -> None:
    """Raise where names cannot be written as text, or two images would get one place."""
    odd = [s.image.name for s in data.samples if not _is_text(s)]
    if odd:
        raise DataError(
            f"{len(odd)} names are not UTF-8, such as {odd[0]!a}",
            where=data.root,
            hint="rename the files that `intarsia check` calls odd-name",
        )
    places = Counter(sample.place for sample in data.samples)
    doubled = [place for place, count in places.items() if count > 1]
    if doubled:
        raise DataError(
            f"{len(doubled)} names stand for two images each, such as {doubled[0]}",
            where=data.root,
        )


def _check_case(data: Dataset, folder: Path) -> None:
    """Raise where one image would lie over another, as on Windows and macOS A.png over a.png."""
    if not folder.with_name(folder.name.upper()).exists():
        return  # this file system tells them apart
    seen: dict[str, str] = {}
    for sample in data.samples:
        key = unicodedata.normalize("NFC", sample.place).casefold()
        first = seen.setdefault(key, sample.place)
        if first != sample.place:
            raise DataError(
                f"{first} and {sample.place} would be one file where OUT lies",
                where=data.root,
                hint="rename one of each two that `intarsia check` calls case-collision",
            )


def _is_text(sample: Sample) -> bool:
    try:
        f"{sample.name}{sample.image.suffix}{sample.group or ''}".encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_room(data: Dataset, folder: Path) -> None:
    """Raise before the first image where not even the images would fit."""
    needed = sum(f.stat().st_size for s in data.samples for f in s.image_files if f.is_file())
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"no room: the images alone take {needed / 2**20:.0f} MiB, and "
            f"{free / 2**20:.0f} MiB are free",
            where=folder.parent,
            hint="make room or choose another OUT",
        )
