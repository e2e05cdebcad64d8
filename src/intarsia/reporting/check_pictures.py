"""Pictures of findings: the image, its mask, and the pixels in question."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from intarsia.datasets import Dataset, Sample
from intarsia.datasets.formats.masks import read_mask
from intarsia.doctor import Finding
from intarsia.doctor.files import shown
from intarsia.doctor.findings import Beside
from intarsia.doctor.question import pixels_in_question
from intarsia.draw import WRONG_COLOR, displayable
from intarsia.errors import IntarsiaError
from intarsia.images import RawMask, read_image
from intarsia.reporting.painting import SMALL, Scene, flat_uri, photo_uri

if TYPE_CHECKING:
    from PIL.Image import Image

_MOST_EXHIBITS = 3  # of one code
_LONGEST = 300
_MOST_RINGS = 40
# Findings that a picture says nothing about.
_NOT_SEEN = frozenset(
    {"odd-name", "case-collision", "link-outside", "changed-since-check", "changed-since-split"}
)


@dataclass(frozen=True)
class Exhibit:
    """The pictures of one finding: (caption, data address), all of one size."""

    file: str
    value: str
    sources: tuple[tuple[str, str], ...]
    size: tuple[int, int]
    small: bool


def exhibits(data: Dataset, findings: Sequence[Finding]) -> tuple[Exhibit, ...]:
    """The first few findings that can be shown; what cannot be read is left out."""
    by_file: dict[str, Sample] = {}
    wanted = {f.file for f in findings} | {f.other for f in findings}
    wanted |= {file for f in findings for row in f.beside for _, file in row}
    for sample in data.samples:
        for path in (sample.image, sample.mask):
            if path is not None and (name := shown(path, data)) in wanted:
                by_file[name] = sample
    alone = _alone(data, wanted)
    found: list[Exhibit] = []
    for finding in findings:
        if len(found) == _MOST_EXHIBITS or finding.code in _NOT_SEEN:
            break
        rows = (_beside(data, row, by_file) for row in finding.beside)
        by_itself = _exhibit(data, finding, by_file) or _lone_exhibit(data, finding, alone)
        for one in rows if finding.beside else (by_itself,):
            if one is not None:
                found.append(one)
    return tuple(found)


def _beside(data: Dataset, row: Beside, by_file: Mapping[str, Sample]) -> Exhibit | None:
    """Several images side by side, without their masks."""
    sources: list[tuple[str, str]] = []
    sizes = []
    for caption, file in row:
        picture = _picture(data, by_file[file]) if file in by_file else None
        if picture is not None:
            scene = Scene.of(picture, data.labels, _LONGEST)
            sources.append((f"{caption}: {file}", photo_uri(scene.photo)))
            sizes.append(scene.size)
    if not sources:
        return None
    return Exhibit("", "", tuple(sources), sizes[0], max(sizes[0]) < SMALL)


def _exhibit(data: Dataset, finding: Finding, by_file: dict[str, Sample]) -> Exhibit | None:
    sample = by_file.get(finding.file or "") or by_file.get(finding.other or "")
    if sample is None:
        return None
    picture, raw = _picture(data, sample), _raw(sample)
    ids = None if raw is None else data.encoding.decode(raw, data.labels)[0]
    sources: list[tuple[str, str]] = []
    scene = None
    if picture is not None:
        scene = Scene.of(picture, data.labels, _LONGEST)
        sources.append(("image", photo_uri(scene.photo)))
    if ids is not None and raw is not None:
        ground = Scene.of(np.zeros((*ids.shape, 3), np.uint8), data.labels, _LONGEST)
        sources.append(("mask", flat_uri(ground.flat(ids))))
        question = pixels_in_question(data, finding.code, raw)
        if question is not None and question.any():
            sources.append(("in question", photo_uri(_marked(ground, ids, question))))
        elif scene is not None and picture is not None and picture.shape[:2] == ids.shape:
            sources.append(("mask over image", photo_uri(scene.over(ids))))
        scene = scene or ground
    twin = by_file.get(finding.other or "")
    if twin is not None and twin is not sample and (other := _picture(data, twin)) is not None:
        sources.append(
            (f"{finding.other}", photo_uri(Scene.of(other, data.labels, _LONGEST).photo))
        )
    if not sources or scene is None:
        return None
    return Exhibit(
        finding.file or finding.other or "",
        finding.value if finding.file else "",
        tuple(sources),
        scene.size,
        scene.small,
    )


def _alone(data: Dataset, wanted: Container[str | None]) -> dict[str, tuple[Path, bool]]:
    """Files without a partner, and those that share a name; with True for a mask."""
    masks = {s.mask.parent for s in data.samples if isinstance(s.mask, Path)}
    masks -= {s.image.parent for s in data.samples}
    files = [(path, False) for path in data.unpaired_images]
    files += [(path, True) for path in data.unpaired_masks]
    files += [(path, path.parent in masks) for two in data.doubled for path in two]
    named = ((shown(path, data), path, mask) for path, mask in files)
    return {name: (path, mask) for name, path, mask in named if name in wanted}


def _lone_exhibit(
    data: Dataset, finding: Finding, alone: Mapping[str, tuple[Path, bool]]
) -> Exhibit | None:
    """The picture of a file that belongs to no sample, and of the other where there are two."""
    scenes: list[tuple[str, Scene, str]] = []
    for name in (finding.file, finding.other):
        path, is_mask = alone.get(name or "", (None, False))
        if path is None:
            continue
        lone = Sample("", path, path if is_mask else None)
        picture, raw = (None if is_mask else _picture(data, lone)), _raw(lone)
        if picture is not None:
            scene = Scene.of(picture, data.labels, _LONGEST)
            scenes.append((f"{name}", scene, photo_uri(scene.photo)))
        elif raw is not None:
            ids = data.encoding.decode(raw, data.labels)[0]
            scene = Scene.of(np.zeros((*ids.shape, 3), np.uint8), data.labels, _LONGEST)
            scenes.append((f"{name}", scene, flat_uri(scene.flat(ids))))
    if not scenes:
        return None
    first = scenes[0][1]
    return Exhibit("", "", tuple((n, uri) for n, _, uri in scenes), first.size, first.small)


def _picture(data: Dataset, sample: Sample) -> NDArray[np.uint8] | None:
    try:
        return displayable(data.read_image(sample), data.scaling)
    except IntarsiaError:
        pass  # the finding says why
    try:
        return displayable(read_image(sample.image))  # of other channels than the rest
    except (IntarsiaError, ValueError):
        return None


def _raw(sample: Sample) -> RawMask | None:
    if sample.mask is None:
        return None
    try:
        return read_mask(sample.mask)
    except IntarsiaError:
        return None


def _marked(scene: Scene, ids: NDArray[np.integer], question: NDArray[np.bool_]) -> Image:
    """The mask in pale colours, the pixels in question red, a ring around each spot of them."""
    from PIL.Image import fromarray

    pale = np.asarray(scene.flat(ids)).astype(np.uint16)
    pale = (pale + 2 * 235) // 3
    size = scene.size
    share = cv2.resize(question.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    spots = share > 0
    canvas = np.ascontiguousarray(pale.astype(np.uint8))
    canvas[spots] = WRONG_COLOR
    if scene.small:  # each pixel is seen as it is
        return fromarray(canvas)
    count, _, boxes, centers = cv2.connectedComponentsWithStats(spots.astype(np.uint8))
    order = np.argsort(-boxes[1:, cv2.CC_STAT_AREA])[:_MOST_RINGS] + 1
    if count - 1 <= _MOST_RINGS or boxes[order, cv2.CC_STAT_AREA].max() < 400:
        for at in order:
            radius = 5 + int(max(boxes[at, cv2.CC_STAT_WIDTH], boxes[at, cv2.CC_STAT_HEIGHT]) * 0.7)
            middle = (round(float(centers[at][0])), round(float(centers[at][1])))
            cv2.circle(canvas, middle, radius, (20, 20, 20), 1, cv2.LINE_AA)
    return fromarray(canvas)
