"""The nearest train image by looks, time and place, and what is said of it."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from .conftest import SIZE, ids, picture, save


def _photograph(path, pixels, time, latitude):
    exif = Image.Exif()
    exif[0x8769] = {0x9003: time}
    exif[0x8825] = {1: "N", 2: (float(latitude), 0.0, 0.0), 3: "E", 4: (11.0, 0.0, 0.0)}
    Image.fromarray(pixels).save(path, exif=exif)


def test_a_copy_saved_again_is_found(folder, report, only):
    coarse = np.random.default_rng(3).integers(0, 256, (37, 50, 3), np.uint8)
    save(folder / "train/images/train3.png", coarse)
    small = cv2.resize(coarse, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    (folder / "val/images/val1.png").unlink()
    save(folder / "val/images/val1.jpg", small, quality=90)
    mask = cv2.resize(ids(), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    save(folder / "val/masks/val1.png", mask)
    result = report(folder)
    finding = only(result)
    assert (finding.code, finding.severity) == ("near-duplicate-across-splits", "warning")
    assert finding.value.startswith("1 of 3 val images (33.3 %) are suspiciously close")
    assert "val/images/val1.jpg and train/images/train3.png" in finding.value
    assert "--group-by near-duplicate" in finding.hint
    numbers = json.loads(json.dumps(result.to_json()))["statistics"]["nearest_train"]
    assert numbers["limits"] == {"bits": 32, "seconds": 10.0, "metres": 10.0}
    assert numbers["splits"]["val"]["by"] == {"looks": 1, "frame": 0, "time": 0, "place": 0}
    assert numbers["splits"]["test"]["share"] == 0
    assert len(numbers["images"]) == 6
    (one,) = [i for i in numbers["images"] if i["image"] == "val/images/val1.jpg"]
    assert one["looks_like"] == "train/images/train3.png"
    assert one["bits"] <= 32
    assert one["close"] == ["looks"]
    assert one["seconds"] is None


@pytest.mark.parametrize(
    ("time", "latitude", "close", "said"),
    [
        ("2024:05:06 10:00:04", 60, ["time"], "4 s from train/images/train0.jpg"),
        ("2024:05:06 12:00:00", 48, ["place"], "0 m from train/images/train0.jpg"),
        ("2024:05:06 12:00:00", 60, [], ""),
        ("0001:01:01 00:00:00", 60, [], ""),  # no time at all, as .NET writes it
    ],
)
def test_time_and_place(folder, report, time, latitude, close, said):
    for split, when, where in (
        ("train", "2024:05:06 10:00:00", 48),
        ("val", time, latitude),
    ):
        (folder / split / "images" / f"{split}0.png").unlink()
        _photograph(
            folder / split / "images" / f"{split}0.jpg", picture(90 + len(split)), when, where
        )
    result = report(folder)
    (one,) = [
        i for i in result.statistics["nearest_train"]["images"] if i["image"].endswith("val0.jpg")
    ]
    assert one["close"] == close
    assert [f.code for f in result.warnings] == ["near-duplicate-across-splits"] * len(close)
    assert all(said in f.value for f in result.warnings)


def test_images_changed_since_their_split_was_saved(folder, report):
    from intarsia.datasets.splitting import split_dataset

    split_dataset(folder, group_by=["none"])
    save(folder / "train/images/train3.png", np.full((*SIZE, 3), 9, np.uint8) + picture(77) // 2)
    found = [f for f in report(folder).findings if f.code == "changed-since-split"]
    assert [(f.file, f.severity) for f in found] == [("train/images/train3.png", "warning")]
    assert "--extend" in found[0].hint
