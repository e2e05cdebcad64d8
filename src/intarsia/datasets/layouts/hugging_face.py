"""Hugging Face `datasets` with Image columns: a folder of `save_to_disk`, or parquet files.

The images are written out once, byte for byte, into the user's cache: everything after that reads
ordinary files, which can be looked at. Needs the extra `formats`.
Source: huggingface.co/docs/datasets (Dataset.save_to_disk, Image, ClassLabel).
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from intarsia.datasets.classes import Classes, from_values
from intarsia.datasets.content import fingerprint
from intarsia.datasets.formats.source import read_json
from intarsia.datasets.layouts.found import Found
from intarsia.datasets.layouts.names import split_folders, split_name
from intarsia.datasets.pairing import Pairs, pair_folders
from intarsia.datasets.strict_yaml import faulty
from intarsia.errors import DataError
from intarsia.file_cache import cache_folder

IMAGE_COLUMNS = ("image", "pixel_values", "img", "images", "photo")
MASK_COLUMNS = (
    "mask",
    "label",
    "labels",
    "annotation",
    "segmentation",
    "segmentation_mask",
    "semantic_mask",
    "masks",
    "gt",
)
_ID2LABEL = "id2label.json"
_ROWS = 64
_LONGEST_NAME = 100
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", ".png"),
    (b"\xff\xd8", ".jpg"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
    (b"II+\0", ".tif"),
    (b"MM\0+", ".tif"),
    (b"\0\0\0\x0cjP", ".jp2"),
    (b"BM", ".bmp"),
    (b"GIF8", ".gif"),
    (b"RIFF", ".webp"),
)


@dataclass(frozen=True)
class _Table:
    """One split: its name, its rows as Arrow tables, and its features."""

    name: str
    batches: Iterator[Any]
    features: Any


def read(path: Path) -> Found | None:
    """Samples of a folder that `save_to_disk` wrote.

    Raises:
        DataError: the extra is missing, no two Image columns, or rows that hold no image.
    """
    one = (path / "state.json").is_file() and (path / "dataset_info.json").is_file()
    if not one and not (path / "dataset_dict.json").is_file():
        return None
    return _read(path, sorted(path.rglob("*.arrow")), parquet=False)


def read_parquet(path: Path) -> Found | None:
    """Samples of parquet files in a folder, or in its data/.

    Raises:
        DataError: as `read`.
    """
    files = sorted([*path.glob("*.parquet"), *(path / "data").glob("*.parquet")])
    return _read(path, files, parquet=True) if files else None


def read_file(path: Path) -> Found | None:
    """Samples of one parquet file.

    Raises:
        DataError: as `read`.
    """
    if path.suffix.lower() != ".parquet":
        return None
    return _read(path.parent, [path], parquet=True)


def _read(path: Path, files: Sequence[Path], *, parquet: bool) -> Found:
    if not files:
        raise DataError("the folder holds no *.arrow files", where=path, hint="save it again")
    tables = _parquet_tables(files) if parquet else _saved_tables(path)
    if not tables:
        raise DataError("the saved data set has no splits", where=path)
    image, mask = _columns(tables[0].features, path)
    folder = cache_folder() / "tables" / _digest(files, path) / path.name
    if not folder.is_dir():
        _export(tables, image, mask, folder, path)
    pairs, notes = Pairs(), []
    splits = [name for name, _ in split_folders(folder)]
    for place in sorted(p for p in folder.iterdir() if p.is_dir()):
        split = split_name(place.name)
        inside = pair_folders(
            place / "images", place / "masks", prefix=f"{place.name}/", split=split
        )
        if bare := len(inside.unpaired_images):
            notes.append(f"{bare} rows of {place.name} have no mask and are left out")
        if splits and split is None:
            notes.append(f"{place.name} is neither train, val nor test: left out")
        else:
            pairs += Pairs(inside.samples, (), inside.unpaired_masks, inside.notes)
    notes.append(f"the columns {image} and {mask} were written as files into {folder}")
    kind = "parquet files" if parquet else "a saved folder"
    return Found(
        f"Hugging Face datasets: {kind}",
        pairs,
        tuple(notes),
        _classes(tables[0].features, path),
    )


def _saved_tables(path: Path) -> list[_Table]:
    datasets = _library(path)
    try:
        data = datasets.load_from_disk(str(path))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"the saved data set cannot be read: {error}", where=path) from error
    splits = data if isinstance(data, dict) else {data.split or "all": data}
    return [
        _Table(str(name), split.with_format("arrow").iter(batch_size=_ROWS), split.features)
        for name, split in splits.items()
    ]


def _parquet_tables(files: Sequence[Path]) -> list[_Table]:
    datasets = _library(files[0])
    import pyarrow
    import pyarrow.parquet

    tables = []
    for file in files:
        try:
            opened = pyarrow.parquet.ParquetFile(file)
        except (OSError, pyarrow.ArrowException) as error:
            raise DataError(f"not a parquet file: {error}", where=file) from error
        features = datasets.Features.from_arrow_schema(opened.schema_arrow)
        # train-00000-of-00003.parquet
        name = file.stem.split("-")[0]
        tables.append(_Table(name, opened.iter_batches(batch_size=_ROWS), features))
    return tables


def _library(where: Path) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise DataError(
            "data of Hugging Face datasets needs the package datasets",
            where=where,
            hint='pip install "intarsia[formats]"',
        ) from error
    return datasets


def _columns(features: Any, path: Path) -> tuple[str, str]:
    """The column of images and the column of masks."""
    from datasets import Image

    columns = [str(name) for name, feature in features.items() if isinstance(feature, Image)]
    image = next((c for name in IMAGE_COLUMNS for c in columns if c.lower() == name), None)
    mask = next((c for name in MASK_COLUMNS for c in columns if c.lower() == name), None)
    if len(columns) == 2 and (image is None) != (mask is None):
        other = next(c for c in columns if c not in (image, mask))
        image, mask = image or other, mask or other
    if image is None or mask is None:
        raise DataError(
            f"the Image columns are {', '.join(columns) or 'none'} "
            f"(of {', '.join(map(str, features))})",
            where=path,
            expected="one called image and one called mask, both of the feature Image()",
            hint='rename them: data.rename_column("...", "mask"), or cast_column("mask", Image())',
        )
    return image, mask


def _digest(files: Sequence[Path], root: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(root).as_posix()} {fingerprint(file)[1]}\n".encode())
    return digest.hexdigest()[:32]


def _export(tables: Sequence[_Table], image: str, mask: str, folder: Path, path: Path) -> None:
    """Write beside the place, then move there: the folder is whole or not there."""
    faults: list[str] = []
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".writing-") as temporary:
            root = Path(temporary) / "files"
            counts: dict[str, int] = {}
            taken: set[str] = set()
            for table in tables:
                place = root / _safe(table.name, "all")
                for kind in ("images", "masks"):
                    (place / kind).mkdir(parents=True, exist_ok=True)
                for batch in table.batches:
                    there = [c for c in (image, mask) if c in batch.schema.names]
                    for row in batch.select(there).to_pylist():
                        number = counts[table.name] = counts.get(table.name, -1) + 1
                        where = f"{table.name}, row {number}"
                        _write_row(
                            row.get(image), row.get(mask), place, number, taken, where, path, faults
                        )
            if faults:
                raise faulty(faults, path)
            if not folder.is_dir():  # another process may have been faster
                root.rename(folder)
    except OSError as error:
        free = shutil.disk_usage(cache_folder().anchor).free / 2**20
        raise DataError(
            f"the images cannot be written: {error.strerror or error} ({free:.0f} MiB are free)",
            where=folder.parent,
            hint="make room, or set XDG_CACHE_HOME to another disk",
        ) from error


def _write_row(
    image: Any,
    mask: Any,
    place: Path,
    row: int,
    taken: set[str],
    where: str,
    root: Path,
    faults: list[str],
) -> None:
    pixels = _bytes(image, root)
    if pixels is None:
        faults.append(f"{where}: no image")
        return
    name = _safe(PurePosixPath(str(image["path"] or "").replace("\\", "/")).stem, "row")
    ending = _ending(pixels)
    if ending is None:
        faults.append(f"{where}: the image is of no known format")
        return
    if name == "row" or f"{place.name}/{name}".lower() in taken:
        name = f"{name}_{row:06d}"
    taken.add(f"{place.name}/{name}".lower())
    (place / "images" / f"{name}{ending}").write_bytes(pixels)
    if mask is None:
        return
    drawn = _bytes(mask, root)
    ending = None if drawn is None else _ending(drawn)
    if drawn is None or ending is None:
        faults.append(f"{where}: the mask is not an image")
        return
    (place / "masks" / f"{name}{ending}").write_bytes(drawn)


def _bytes(cell: Any, root: Path) -> bytes | None:
    """The bytes of one cell, from the file that it names where they are not in the table."""
    if cell is None:
        return None
    if cell["bytes"]:
        return bytes(cell["bytes"])
    file = root / str(cell["path"] or "")
    return file.read_bytes() if cell["path"] and file.is_file() else None


def _ending(content: bytes) -> str | None:
    return next((ending for start, ending in _SIGNATURES if content.startswith(start)), None)


def _safe(name: str, otherwise: str) -> str:
    return re.sub(r"[^\w.-]", "_", name)[:_LONGEST_NAME].lstrip(".") or otherwise


def _classes(features: Any, path: Path) -> Classes | None:
    """From id2label.json, or the one column that is a list of ClassLabel."""
    from datasets import ClassLabel

    for folder in (path, *([path.parent] if path.name == "data" else [])):
        file = folder / _ID2LABEL
        if file.is_file():
            return from_values(_id2label(file), _ID2LABEL, ignored=[255])
    lists = {
        str(name): feature.feature.names
        for name, feature in features.items()
        if isinstance(getattr(feature, "feature", None), ClassLabel)
    }
    if len(lists) != 1:
        return None
    (column, names), *_ = lists.items()
    return from_values(dict(enumerate(names)), f"the feature {column}", ignored=[255])


def _id2label(file: Path) -> dict[int, str]:
    content = read_json(file)
    if not isinstance(content, dict) or not all(str(value).isdecimal() for value in content):
        raise DataError(
            "it is not a table of ids and names", where=file, expected='{"0": "background"}'
        )
    return {int(value): str(name) for value, name in content.items()}
