"""What can be said of a data set that cannot even be opened: every file, one by one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from intarsia.datasets.archive import is_zip, unzip
from intarsia.datasets.layouts import read_layout
from intarsia.datasets.layouts.folders import read_apart
from intarsia.datasets.layouts.found import Found
from intarsia.doctor.files import printable, unreadable
from intarsia.doctor.findings import Finding, Report
from intarsia.errors import DataError, ImageError
from intarsia.images import read_image, read_mask


def check_unopened(
    fault: DataError,
    path: Path | None,
    images: Path | None = None,
    masks: Path | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """The report of a data set that `Dataset.open` refused with `fault`: that, and its files.

    Classes and splits are not known, so that nothing can be said of them.
    """
    root = Path(path or images or ".")
    zipped = is_zip(root)
    name = root.stem if zipped else (root if root.is_dir() else root.parent).resolve().name
    found = [
        Finding.of(
            "not-opened", _place(fault), fault.what, expected=fault.expected, hint=fault.hint
        )
    ]
    try:
        if zipped:
            root, _ = unzip(root.absolute())
        elif not root.is_dir():
            root = root.parent
        layout = read_apart(images, masks) if images and masks else read_layout(root)
    except DataError:
        return Report.of(name, found, {})
    found += _unpaired(layout, root)
    found += _unreadable(layout, root, progress)
    return Report.of(name, found, {})


def _place(fault: DataError) -> str | None:
    return None if fault.where is None else printable(fault.where)


def _unpaired(layout: Found, root: Path) -> Iterator[Finding]:
    pairs = layout.pairs
    for code, files, other in (
        ("missing-mask", pairs.unpaired_images, "mask"),
        ("orphan-mask", pairs.unpaired_masks, "image"),
    ):
        for path in files:
            yield Finding.of(
                code,
                _shown(path, root),
                f'no {other} of the name "{printable(path.stem)}"',
                expected=f"one {other} for it",
                hint=f"add its {other}, or move the file out of the data set",
            )
    for first, second in pairs.doubled:
        yield Finding.of(
            "two-files-one-name",
            _shown(second, root),
            f"has the name of {_shown(first, root)}",
            expected="names that differ in more than the extension",
            hint="nobody can tell which is meant, and neither is used: rename or remove one",
            other=_shown(first, root),
        )


def _unreadable(
    layout: Found, root: Path, progress: Callable[[int, int], None] | None
) -> Iterator[Finding]:
    pairs = layout.pairs
    wanted = [("image", s.image) for s in pairs.samples]
    wanted += [("image", p) for p in pairs.unpaired_images]
    wanted += [("mask", s.mask) for s in pairs.samples if isinstance(s.mask, Path)]
    wanted += [("mask", p) for p in pairs.unpaired_masks]
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for done, (item, fault) in enumerate(
            zip(wanted, pool.map(_fault, wanted), strict=True), start=1
        ):
            if fault is not None:
                yield unreadable(item[0], _shown(item[1], root), fault)
            if progress is not None:
                progress(done, len(wanted))


def _fault(item: tuple[str, Path]) -> ImageError | None:
    what, path = item
    try:
        if what == "image":
            read_image(path)
        else:
            read_mask(path)
    except ImageError as fault:
        return fault
    return None


def _shown(path: Path, root: Path) -> str:
    where = path.resolve().parent / path.name
    base = root.resolve()
    relative = where.relative_to(base) if where.is_relative_to(base) else path
    return printable(relative.as_posix())
