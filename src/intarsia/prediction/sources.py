"""Which images a prediction is about, and what their results are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from intarsia.errors import DataError

_MOST_EXAMPLES = 5


@dataclass(frozen=True)
class Source:
    """An image to segment; `relative` is its path below the folder that was given."""

    path: Path
    relative: Path


def find_sources(inputs: Sequence[Path], out: Path) -> list[Source]:
    """All images of `inputs`, in their order, each folder sorted; nothing from below `out`.

    Raises DataError where an input is missing or holds no image, or where two images would get
    one output name (`a.jpg` and `a.png`, or the same name in two folders).
    """
    sources: dict[Path, Source] = {}
    doubles: list[str] = []
    own = out.resolve()
    for given in inputs:
        for source in _images(given, own):
            name = source.relative.with_suffix("")
            other = sources.setdefault(name, source)
            if other.path.resolve() != source.path.resolve():
                doubles.append(f"{other.path} and {source.path}")
    if doubles:
        shown = "; ".join(doubles[:_MOST_EXAMPLES])
        more = (
            f"; and {len(doubles) - _MOST_EXAMPLES} more" if len(doubles) > _MOST_EXAMPLES else ""
        )
        raise DataError(
            f"two images would get one output name: {shown}{more}",
            expected="names that differ in more than the extension",
            hint="predict them into two folders, or rename one",
        )
    if not sources:
        raise DataError("no image to predict", hint="name an image or a folder of images")
    return list(sources.values())


def _images(given: Path, own: Path) -> list[Source]:
    # here, so that a predictor needs no YAML
    from intarsia.datasets.pairing import EXTENSIONS, image_files

    if given.is_dir():
        there = image_files(given)
        found = [
            Source(path, path.relative_to(given))
            for path in there
            if not path.resolve().is_relative_to(own)
        ]
        if there and not found:
            raise DataError(
                "every image of the folder lies in --out, where masks are written",
                where=given,
                hint="choose another --out",
            )
        if not found:
            raise DataError(
                "the folder holds no images", where=given, expected=", ".join(sorted(EXTENSIONS))
            )
        return found
    if not given.exists():
        raise DataError("no such file or folder", where=given)
    return [Source(given, Path(given.name))]
