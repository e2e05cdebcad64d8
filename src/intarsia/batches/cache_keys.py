"""What decoded pixels depend on, as keys of the cache on disk."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from intarsia.datasets import Dataset, Sample
from intarsia.datasets.content import fingerprint
from intarsia.datasets.drawings.drawing import Drawing
from intarsia.datasets.manifest import mask_digest
from intarsia.file_cache import FileCache, Question, answers
from intarsia.transforms import Preprocessing


def cache_keys(
    data: Dataset, samples: Sequence[Sample], preprocessing: Preprocessing
) -> dict[str, list[str]]:
    """The keys of every sample's `image` and `mask`.

    They are made from the content of the files (read again only where size or time of a file has
    changed since it was last seen), how the data set reads them, and how they are shrunk.

    Raises:
        DataError: a file cannot be read.
    """
    cache = FileCache.of_user()
    try:
        files = [file for sample in samples for file in sample.image_files]
        files += [s.mask for s in samples if isinstance(s.mask, Path)]
        questions = [Question(f, "content", "1", partial(_content, f)) for f in files]
        found = [answer["sha256"] for answer in answers(questions, cache)]
    finally:
        cache.close()
    content = dict(zip(files, found, strict=True))
    version: str = importlib.import_module("intarsia").__version__
    shrunk: list[object] = [version]
    if preprocessing.native:  # whatever the size of a sample is
        shrunk += [preprocessing.longest_side, preprocessing.factor]
    else:
        shrunk += [preprocessing.fit, preprocessing.size, preprocessing.grid]
    images, masks = [], []
    for sample in samples:
        hashes = [content[file] for file in sample.image_files]
        images.append(_key([shrunk, hashes, data.channels, data.channel_names, data.page]))
        mask, source = sample.mask, None
        if isinstance(mask, Drawing):
            source = [mask_digest(mask), mask.size, mask.values, mask.blank]
        elif mask is not None:
            source = [content[mask]]
        masks.append(_key([shrunk, source, mask_settings(data, sample)]))
    return {"image": images, "mask": masks}


def mask_settings(data: Dataset, sample: Sample) -> list[object]:
    """What the ids of a mask depend on besides its file."""
    ignored = sample.name in data.ignored_masks
    return [data.encoding.to_json(), data.labels.names, data.labels.ignore_index, ignored]


def _content(file: Path) -> dict[str, object]:
    return {"sha256": fingerprint(file)[1]}


def _key(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:40]
