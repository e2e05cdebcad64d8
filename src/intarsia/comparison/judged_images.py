"""The images that contenders are judged on: the same ones, by name and content, for all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from intarsia.comparison.manifests import image_hash
from intarsia.datasets import Dataset
from intarsia.datasets.content import content_hash
from intarsia.datasets.groups import group_samples, parse_rule
from intarsia.datasets.manifest import mask_digest
from intarsia.errors import DataError
from intarsia.evaluation import OUT_OF_FOLD

if TYPE_CHECKING:
    from intarsia.datasets import Sample


@dataclass(frozen=True, eq=False)
class JudgedImages:
    """N images of one split; `data` has the classes that all contenders have.

    `groups` has the group of each, its own name where it is one of its own; `images` and `masks`
    the SHA-256 of each by name.
    """

    data: Dataset
    split: str
    samples: tuple[Sample, ...]
    groups: tuple[str, ...]
    images: Mapping[str, str]
    masks: Mapping[str, str | None]

    @classmethod
    def of(cls, data: Dataset, split: str, group_by: str | None = None) -> JudgedImages:
        """The images of a split (`out-of-fold`: of all folds), in groups as the data or a rule say.

        Raises:
            DataError: no such split, images without a mask, or a rule that does not fit.
        """
        samples = _samples(data, split)
        return cls(
            data=data,
            split=split,
            samples=samples,
            groups=_groups(data, samples, group_by),
            images={sample.name: content_hash(sample.image_files) for sample in samples},
            masks={sample.name: mask_digest(sample.mask) for sample in samples},
        )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sample.name for sample in self.samples)

    @cached_property
    def digest(self) -> str:
        """Eight hexadecimal digits that other images, masks or classes do not have."""
        rows = [[name, self.images[name], self.masks[name]] for name in sorted(self.images)]
        content = json.dumps([rows, self.data.encoding.to_json(), self.data.labels.names])
        return hashlib.sha256(content.encode()).hexdigest()[:8]

    def known_to(self, manifest: Mapping[str, Any]) -> bool:
        """True where all of them, masks and their reading too, are in a training's manifest."""
        saved = {item["name"]: item for item in manifest["samples"]}
        encoding = json.loads(json.dumps(self.data.encoding.to_json()))
        return encoding == manifest["encoding"] and all(
            name in saved
            and image_hash(saved[name]) == self.images[name]
            and saved[name]["mask_sha256"] == self.masks[name]
            for name in self.images
        )

    def are_split_of(self, manifest: Mapping[str, Any]) -> bool:
        """True where they are what a training's manifest calls by the same split."""
        if self.split == OUT_OF_FOLD:
            names = {i["name"] for i in manifest["samples"] if i.get("fold") is not None}
        else:
            names = {i["name"] for i in manifest["samples"] if i["split"] == self.split}
        return names == set(self.images) and self.known_to(manifest)


def _samples(data: Dataset, split: str) -> tuple[Sample, ...]:
    if split == OUT_OF_FOLD:
        samples = tuple(sample for sample in data.samples if sample.fold is not None)
        if not samples:
            raise DataError(
                f"{data.name} has no folds",
                where=data.root,
                expected="the data that `intarsia train --folds` was given",
            )
    else:
        samples = data.split(split)
    unlabelled = [sample.name for sample in samples if sample.mask is None]
    if unlabelled:
        raise DataError(
            f"{len(unlabelled)} images of {split} have no mask: {', '.join(unlabelled[:3])}",
            where=data.root,
            expected="a mask for every image that is compared",
        )
    return samples


def _groups(data: Dataset, samples: Sequence[Sample], rule: str | None) -> tuple[str, ...]:
    if rule is None:
        found = {sample.name: sample.group for sample in samples}
    else:
        found = group_samples(samples, [parse_rule(rule)], root=data.root, read=data.read_image)
    taken = set(found.values())
    # a group may be called as a single image is, which does not belong to it for that
    alone = {s.name: f"{s.name} alone" if s.name in taken else s.name for s in samples}
    return tuple(found.get(sample.name) or alone[sample.name] for sample in samples)
