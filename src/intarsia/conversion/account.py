"""What a conversion saw: faults, and what there is to say in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from intarsia.conversion.bringing import How
from intarsia.conversion.writer import Placed, Writer
from intarsia.datasets import Dataset
from intarsia.errors import DataError

_MOST_FAULTS = 20


class Account:
    """Counts what is written, for one data set and one format."""

    def __init__(self, data: Dataset, writer: Writer) -> None:
        self.faults: list[DataError] = []
        self._data, self._writer = data, writer
        self._pixels: Counter[int] = Counter()
        self._how: Counter[How] = Counter()
        self._example: dict[How, str] = {}
        self._texts = self._turned = self._unlabelled = 0

    @property
    def pictures(self) -> bool:
        """Whether an image was written as a picture to look at."""
        return self._how["picture"] > 0

    def add(
        self,
        placed: Placed,
        how: How,
        texts: tuple[str, ...] | None,
        pixels: Counter[int],
        *,
        turned: bool,
    ) -> None:
        """One image more; `pixels` are those of its mask by value."""
        self._pixels.update(pixels)
        self._how[how] += 1
        self._example.setdefault(how, placed.image)
        self._texts += len(texts or ())
        self._turned += turned and how == "copied"
        self._unlabelled += texts is None

    def check(self, to: str) -> None:
        """Raise what makes the conversion worthless.

        Raises:
            DataError: images or masks had faults, or the format would hold no shape at all.
        """
        if self.faults:
            lines = [f"{f.where or ''}: {f.what}" for f in self.faults[:_MOST_FAULTS]]
            if (more := len(self.faults) - _MOST_FAULTS) > 0:
                lines.append(f"and {more} more")
            raise DataError(
                f"{len(self.faults)} of {len(self._data.samples)} images cannot be converted:\n    "
                + "\n    ".join(lines),
                where=self._data.root,
                hint="nothing is written; `intarsia check IN --fix OUT` mends what can be mended",
            )
        if self._writer.naming is not None and not self._texts:
            raise DataError(
                f"every mask holds background only: --to {to} would hold no shape",
                where=self._data.root,
                hint="choose --to index, palette or color",
            )

    def notes(self, to: str) -> tuple[str, ...]:
        """Everything to say, a sentence each."""
        return tuple(self._notes(to))

    def _notes(self, to: str) -> Iterator[str]:
        data, writer = self._data, self._writer
        naming = writer.naming
        yield "every mask is kept to the pixel"
        ignored = self._pixels[data.labels.ignore_index]
        if naming is not None and ignored:
            share = 100 * ignored / sum(self._pixels.values())
            known = (
                "as LabelMe's scripts call it"
                if to == "labelme"
                else ("which other programs take for a class")
            )
            yield (
                f"{share:.2g} % of the pixels do not count: they are the label {naming.ignored}, "
                f"{known}"
            )
        if naming is not None:
            pairs = zip(data.labels.names, naming.labels, strict=True)
            renamed = [f"{name} as {label}" for name, label in pairs if name != label]
            if renamed:
                yield f"classes under another label: {', '.join(renamed)}"
            if naming.blank is not None:
                yield f"{data.labels.names[naming.blank]} is what no shape covers"
        missing = [c.name for c in data.labels.classes if not self._pixels[c.id]]
        if missing:
            yield f"no pixel has the class {', '.join(missing)}: it is named all the same"
        yield from self._about_splits()
        yield from self._about_images()

    def _about_splits(self) -> Iterator[str]:
        data, writer = self._data, self._writer
        only = sorted(writer.lacks - {"splits"})
        if data.splits_drawn == "all":
            yield "no split is given, and none is written: `intarsia split` makes one"
        elif data.folds or "splits" in writer.lacks:
            only.insert(0, "folds" if data.folds else "splits")
        if data.groups_declared and any(s.group is not None for s in data.samples):
            only.append("groups")
        if only:
            yield f"only in dataset.yaml and its tables, for Intarsia: {', '.join(only)}"
        if data.scaling.each:
            yield (
                "the scale of every channel by itself is not kept: write it into dataset.yaml "
                "again (image: {scale: {percentile: [...], per_channel: true}})"
            )

    def _about_images(self) -> Iterator[str]:
        data = self._data
        if count := self._how["picture"]:
            yield (
                f"{count} images are written as 8-bit PNG to look at, such as "
                f"{self._example['picture']}: the program cannot show the files themselves. Go on "
                f"with these: --images ORIGINALS --masks OUT/{self._writer.masks}"
            )
        if count := self._how["stacked"]:
            yield (
                f"{count} images of several files are one TIFF each, such as "
                f"{self._example['stacked']}"
            )
        if self._turned:
            yield (
                f"{self._turned} images carry an EXIF orientation: masks and shapes lie on the "
                "upright image"
            )
        if self._unlabelled:
            where = "without a mask" if self._writer.keeps_unlabelled else "in unlabelled/"
            yield f"{self._unlabelled} images that nobody has labelled are there too, {where}"
        alone = len(data.unpaired_images) + len(data.unpaired_masks) + len(data.doubled)
        if alone:
            yield f"{alone} files without a partner are left out: `intarsia check` names them"
