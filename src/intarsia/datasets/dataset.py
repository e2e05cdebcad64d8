"""A data set: images with masks, label classes, splits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from intarsia.datasets.background import background_of
from intarsia.datasets.encodings import MaskEncoding, show
from intarsia.datasets.formats.masks import read_mask
from intarsia.datasets.pixels import read_pixels
from intarsia.datasets.primary import Primary, carried
from intarsia.datasets.sample import Sample
from intarsia.errors import DataError, did_you_mean
from intarsia.images import Scaling, Window
from intarsia.labels import LabelMap

if TYPE_CHECKING:
    from intarsia.file_cache import FileCache

SPLITS = ("train", "val", "test")
Drawn = Literal["all", "val"]
OTHER = "other"
OTHER_COLOR = (160, 160, 160)
_PLAIN_FOLDERS = ("images", "image", "imgs", "img", "2d_images", "train")


@dataclass(frozen=True)
class Dataset:
    """Images with masks, their classes and splits, and how the files are to be read.

    Open one with `Dataset.open`. `notes` says, in sentences, everything that was inferred.
    `channels` is the C of every image that `read_image` gives; `scaling` how its values become
    0..1; `ignored` names the classes that do not count. Files without a partner are in
    `unpaired_images` and `unpaired_masks`, those that share a name with another in `doubled`, for
    the check to report; `ignored_masks` names the samples whose mask does not count at all.
    `primary` is the figure that dataset.yaml fixed beforehand.
    """

    root: Path
    samples: tuple[Sample, ...]
    labels: LabelMap
    encoding: MaskEncoding
    channels: int
    scaling: Scaling
    layout: str
    notes: tuple[str, ...] = ()
    unpaired_images: tuple[Path, ...] = ()
    unpaired_masks: tuple[Path, ...] = ()
    doubled: tuple[tuple[Path, Path], ...] = ()
    ignored: tuple[str, ...] = ()
    channel_names: tuple[str, ...] = ()
    page: int | None = None
    ignored_masks: frozenset[str] = frozenset()
    empty: str | None = None  # what dataset.yaml says that masks of background only mean
    groups_declared: bool = False  # by dataset.yaml, not guessed from the file names
    splits_declared: bool = False  # by dataset.yaml, not by folders or drawn
    groups_given: bool = False  # by the layout's own files
    primary: Primary | None = None
    splits_drawn: Drawn | None = field(default=None, compare=False)  # by the seed: none were given

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        images: str | os.PathLike[str] | None = None,
        masks: str | os.PathLike[str] | None = None,
        seed: int = 0,
        cache: FileCache | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Dataset:
        """Open a folder in any supported layout, a dataset.yaml, or two folders.

        Every mask is read once, to learn its values; `cache` spares those that it knows, and
        `progress` is called with the number of masks read and of all. Where no split is given, one
        is drawn by `seed`: 70 % train, 15 % val, 15 % test, whole groups together.

        Raises:
            DataError: no layout fits, nothing pairs up, or dataset.yaml has faults (all at once).
        """
        from intarsia.datasets.opening import open_dataset

        return open_dataset(
            None if path is None else Path(path),
            None if images is None else Path(images),
            None if masks is None else Path(masks),
            seed,
            cache,
            progress=progress,
        )

    @property
    def name(self) -> str:
        """The name of the folder, or of the one above where that only says "images"."""
        plain = self.root.name.lower() in _PLAIN_FOLDERS
        return (self.root.parent.name if plain else self.root.name) or "data"

    @property
    def background(self) -> str | None:
        """The class that is the background, where one is."""
        return background_of(self.labels, self.encoding)

    @property
    def splits(self) -> dict[str, tuple[Sample, ...]]:
        """The samples by split, in the order train, val, test; empty splits are left out."""
        by_split = {split: tuple(s for s in self.samples if s.split == split) for split in SPLITS}
        return {split: samples for split, samples in by_split.items() if samples}

    def split(self, name: str) -> tuple[Sample, ...]:
        """The samples of one split.

        Raises:
            DataError: the data set has no such split; the nearest name is offered.
        """
        splits = self.splits
        if name not in splits:
            raise DataError(
                f'{self.name} has no split "{name}"',
                where=self.root,
                hint=did_you_mean(name, splits) if splits else "it has no splits at all",
            )
        return splits[name]

    @property
    def folds(self) -> int:
        """How many folds a saved split has; 0 where it has none (`intarsia split --folds`)."""
        return len({s.fold for s in self.samples if s.fold is not None})

    def fold(self, number: int) -> Dataset:
        """The same data with this fold for val and the other folds for train.

        Raises:
            DataError: the data set has no folds, or no such one.
        """
        if number not in range(self.folds):
            raise DataError(
                f"{self.name} has no fold {number}",
                where=self.root,
                expected=f"0 to {self.folds - 1}" if self.folds else "a data set with folds",
                hint=None if self.folds else "make them: intarsia split DATA --folds 5",
            )
        turn = {True: "val", False: "train"}
        return replace(
            self,
            samples=tuple(
                s if s.fold is None else replace(s, split=turn[s.fold == number])
                for s in self.samples
            ),
            notes=(*self.notes, f"fold {number} of {self.folds} is val"),
        )

    def read_image(self, sample: Sample, *, window: Window | None = None) -> NDArray[Any]:
        """(H, W, C) in the file's own depth, C as `channels` says.

        `window`, ((top, bottom), (left, right)), asks for this part alone.

        Raises:
            ImageError: the file cannot be read.
            DataError: it has another number of channels.
        """
        return read_pixels(
            *sample.image_files,
            channels=self.channels,
            names=self.channel_names,
            page=self.page,
            window=window,
        )

    def read_mask(
        self, sample: Sample, *, window: Window | None = None
    ) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """(H, W) class ids in `labels.dtype`, `labels.ignore_index` where a pixel does not count.

        `window` is that of `read_image`.

        Raises:
            ImageError: the file cannot be read.
            DataError: it holds values that are no class, or the sample has no mask.
        """
        if sample.mask is None:
            raise DataError("the image has no mask", where=sample.image)
        ids, unknown = self.encoding.decode(read_mask(sample.mask, window=window), self.labels)
        if unknown:
            worst = sorted(unknown, key=lambda value: -unknown[value])[:5]
            listed = ", ".join(f"{show(v)} ({unknown[v]} pixels)" for v in worst)
            more = f" and {len(unknown) - len(worst)} more" if len(unknown) > len(worst) else ""
            known = ", ".join(show(v) for v in list(self.encoding.map)[:20])
            raise DataError(
                f"the mask holds values that are no class: {listed}{more}",
                where=sample.mask,
                expected=f"one of {known}",
                hint="correct the mask, or name the value in dataset.yaml (masks: {map: ...})",
            )
        if sample.name in self.ignored_masks:
            ids[:] = self.labels.ignore_index
        return ids

    def ignoring(self, names: Iterable[str]) -> Dataset:
        """The same data with these classes ignored; the other ids close up.

        Raises:
            DataError: no such class (the nearest is offered), or none would be left.
        """
        wanted = [name for name in dict.fromkeys(names) if name not in self.ignored]
        if not wanted:
            return self
        ids = {self.labels[name].id for name in wanted}
        kept = [c for c in self.labels.classes if c.id not in ids]
        if not kept:
            raise DataError("every class would be ignored", where=self.root)
        primary, said = carried(self.primary, dict.fromkeys(wanted))
        return replace(
            self,
            labels=LabelMap.of([c.name for c in kept], [c.color for c in kept]),
            encoding=self.encoding.ignoring(ids),
            ignored=(*self.ignored, *wanted),
            notes=(*self.notes, f"ignored by your choice: {', '.join(wanted)}", *said),
            primary=primary,
        )

    def keeping(self, names: Iterable[str]) -> Dataset:
        """The same data with these classes, in this order, behind one class `other` of the rest.

        Where nothing is left over there is no `other`.

        Raises:
            DataError: no such class (the nearest is offered).
        """
        wanted = [name for name in dict.fromkeys(names) if name != OTHER]
        if not wanted:
            return self
        chosen = [self.labels[name] for name in wanted]
        merged = [c for c in self.labels.classes if c not in chosen]
        kept = [(OTHER, OTHER_COLOR)] if merged else []
        ids = {label.id: new for new, label in enumerate(chosen, start=len(kept))}
        kept += [(label.name, label.color) for label in chosen]
        if [name for name, _ in kept] == self.labels.names:
            return self
        listed = ", ".join(label.name for label in merged)
        primary, said = carried(self.primary, dict.fromkeys(label.name for label in merged))
        return replace(
            self,
            labels=LabelMap.of([name for name, _ in kept], [color for _, color in kept]),
            encoding=self.encoding.merging({c.id: ids.get(c.id, 0) for c in self.labels.classes}),
            notes=(
                *self.notes,
                f"merged into {OTHER} by your choice: {listed}"
                if merged
                else f"the classes are in the order of your choice: {', '.join(wanted)}",
                *said,
            ),
            primary=primary,
        )

    def known_to(self, manifest: Mapping[str, Any]) -> tuple[Sample, ...]:
        """The samples whose image is, by name and content, one of a run's manifest.

        Raises:
            DataError: some are, but others have changed since; the files are named.
        """
        from intarsia.datasets.content import fingerprint

        saved = {item["name"]: item for item in manifest["samples"]}
        known: list[Sample] = []
        changed: list[Sample] = []
        for sample in self.samples:
            if sample.name in saved:
                item = saved[sample.name]
                hashes = [item["sha256"], *(p["sha256"] for p in item.get("more_channels", ()))]
                same = [fingerprint(file)[1] for file in sample.image_files] == hashes
                (known if same else changed).append(sample)
        if known and changed:
            listed = ", ".join(sample.name for sample in changed[:3])
            raise DataError(
                f"{len(changed)} images have changed since the training: {listed}",
                where=self.root,
                hint="restore them, or give the changed set names of its own",
            )
        return tuple(known)

    def with_splits_of(self, manifest: Mapping[str, Any]) -> Dataset:
        """The same data split as a run's manifest says; samples it does not know are left out.

        Raises:
            DataError: no image is known to the manifest, or some have changed since.
        """
        saved = {item["name"]: item for item in manifest["samples"]}
        common = tuple(
            replace(s, split=saved[s.name]["split"], group=saved[s.name]["group"])
            for s in self.known_to(manifest)
        )
        if not common:
            names = [str(name) for name in saved]
            raise DataError(
                "none of these images is in the split that the run saved",
                where=self.root,
                expected=f"names such as {', '.join(names[:3])}",
                hint=f"is this the data set {manifest.get('name', '')!s} that the run trained on?",
            )
        if common == self.samples:
            return self
        notes = [*self.notes, "the splits are those saved in the run"]
        if left := len(self.samples) - len(common):
            notes.append(f"{left} samples that the run does not know are left out")
        return replace(self, samples=common, notes=tuple(notes))

    def manifest(self) -> dict[str, Any]:
        """Everything about the data as JSON, with the size and hash of every file.

        Raises:
            DataError: a file cannot be read.
        """
        from intarsia.datasets.manifest import write_manifest

        return write_manifest(self)

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> Dataset:
        """The inverse of `manifest`; files are not touched.

        Raises:
            DataError: the manifest is of a newer version, or damaged.
        """
        from intarsia.datasets.manifest import read_manifest

        return read_manifest(manifest)
