"""What a folder holds that no layout fits, and what its owner may have meant."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from intarsia.datasets.layouts.names import MASK_FOLDERS, images_and_masks, subfolders
from intarsia.datasets.pairing import image_paths

_MOST_NAMED = 12
_OF_MASKS = re.compile("mask|label|annot|seg|truth|gt|trimap", re.IGNORECASE)


def contents(path: Path) -> str:
    """The folders with the number of their images, and the images that lie loose."""
    counts = _counts(path)
    parts = [f"{name}/ ({_number(count)})" for name, count in list(counts.items())[:_MOST_NAMED]]
    loose = len(image_paths(path)) - sum(counts.values())
    if loose:
        parts.append(f"{_number(loose)} directly in it")
    return ", ".join(parts) or "no images and no folders"


def advice(path: Path) -> str:
    """What to do: the command that was meant, where it can be guessed."""
    above = path.parent
    both = images_and_masks(above) if path != above else None
    if both is not None and path in both:
        return (
            f"{both[0].name}/ and {both[1].name}/ lie beside each other: name the folder above, "
            f"{shlex.quote(str(above))}"
        )
    counts = {name: count for name, count in _counts(path).items() if count}
    drawn = [name for name in counts if _OF_MASKS.search(name)]
    if len(counts) == 2 and len(drawn) == 1:
        (masks,) = drawn
        (images,) = counts.keys() - {masks}
        return (
            f"if the masks are in {masks}/: --images {shlex.quote(str(path / images))} "
            f"--masks {shlex.quote(str(path / masks))}"
        )
    if not image_paths(path):
        return "there is no image in it: is this the right folder, and was everything unpacked?"
    if len(counts) < 2 and not drawn:
        return (
            "there are images and no masks: put a mask with the name of its image into a folder "
            f"{MASK_FOLDERS[0]}/ beside the folder of the images"
        )
    return "rename folders, or name both: --images DIR --masks DIR"


def _counts(path: Path) -> dict[str, int]:
    return {folder.name: len(image_paths(folder)) for folder in subfolders(path)}


def _number(count: int) -> str:
    return f"{count} image file{'' if count == 1 else 's'}"
