"""Tiny data sets of every kind that is read, with what conversions stumble over."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (13, 21)
# nested folders with equal names, names that are no ASCII, spaces and signs of URLs; macOS puts
# a narrow space into the names of its screenshots
NAMES = ("x", "a/x", "b/x", "b/größe 1", "c#2%20\u202fAM", "last")
COLORS = ((0, 0, 0), (128, 64, 0), (0, 128, 128))


def mask(seed: int, values=(0, 1, 2), size=SIZE) -> np.ndarray:
    """Blocks and specks of the values, every value in it; block 0 is all of the first."""
    if seed == 0:
        return np.full(size, values[0], np.int64)
    rng = np.random.default_rng(seed)
    blocks = rng.choice(values, (-(-size[0] // 4), -(-size[1] // 5)))
    ids = np.kron(blocks, np.ones((4, 5), np.int64))[: size[0], : size[1]]
    specks = rng.random(size) < 0.05
    ids[specks] = rng.choice(values, int(specks.sum()))
    ids.reshape(-1)[: len(values)] = values
    return ids


def picture(seed: int, size=SIZE) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8))


def save(path: Path, image: Image.Image | np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(path)


def text(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    written = content if isinstance(content, str) else json.dumps(content)
    path.write_text(written, encoding="utf-8")


def index(root: Path) -> None:
    """Ids with ignored pixels, a class that no pixel has, a saved split with groups."""
    for at, name in enumerate(NAMES):
        save(root / f"images/{name}.jpg", picture(at))
        save(root / f"masks/{name}.png", mask(at, (0, 1, 3, 255)).astype(np.uint8))
    splits = ("train", "train", "val", "train", "test", "val")
    rows = [
        f"images/{n}.jpg,{s},g{at % 3}" for at, (n, s) in enumerate(zip(NAMES, splits, strict=True))
    ]
    text(root / "splits.csv", "image,split,group\n" + "\n".join(rows) + "\n")
    text(
        root / "dataset.yaml",
        "classes: [{id: 0, name: Background}, {id: 1, name: sky, color: [9, 8, 7]},\n"
        "  {id: 2, name: nothing has it}, {id: 3, name: void}]\nignore_index: 255\n"
        "splits: {file: splits.csv}\ngroups: csv:splits.csv:group\n",
    )


def colors(root: Path) -> None:
    """Colours with a label map, a void, and split folders."""
    table = np.array(COLORS, np.uint8)
    for split in ("train", "val"):
        for at in range(3):
            save(root / split / f"images/{at}.png", picture(at))
            save(root / split / f"masks/{at}.png", table[mask(at + 1)])
    lines = ["void:0,0,0::", "road:128,64,0::", "sky:0,128,128::"]
    text(root / "labelmap.txt", "\n".join(lines))


def binary(root: Path) -> None:
    """Black and white, no split, one mask without foreground."""
    for at, name in enumerate(NAMES):
        save(root / f"2d_images/{name}.tif", picture(at).convert("L"))
        save(root / f"2d_masks/{name}.png", (mask(at, (0, 1)) * 255).astype(np.uint8))


def voc(root: Path) -> None:
    """A palette, lists of splits, black as a class, no background."""
    palette = np.zeros((256, 3), np.uint8)
    palette[:3] = COLORS
    for at, name in enumerate(NAMES):
        save(root / f"JPEGImages/{name}.jpg", picture(at))
        image = Image.fromarray(mask(at + 1).astype(np.uint8))
        image.putpalette(palette.tobytes())
        save(root / f"SegmentationClass/{name}.png", image)
    text(root / "class_names.txt", "sky\nroad\ncar\n")
    text(root / "ImageSets/Segmentation/train.txt", "\n".join(NAMES[:4]))
    text(root / "ImageSets/Segmentation/val.txt", "\n".join(NAMES[4:]))


def coco(root: Path) -> None:
    """Polygons that overlap, an image without any, categories out of order."""
    images, annotations = [], []
    for at in range(5):
        save(root / f"images/n{at}.png", picture(at))
        images.append({"id": at, "file_name": f"n{at}.png", "height": 13, "width": 21})
        if at:
            shapes = {7: [1, 1, 15, 2, 12.5, 12, 3, 10], 3: [5, 4, 9, 4, 9, 8, 5, 8]}
            annotations += [
                {"id": 10 * at + c, "image_id": at, "category_id": c, "segmentation": [points]}
                for c, points in shapes.items()
            ]
    categories = [{"id": 7, "name": "cat"}, {"id": 3, "name": "ignore"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    text(root / "annotations/instances.json", content)


def cvat(root: Path) -> None:
    """Subsets, z-order, an image that nobody has annotated."""
    parts = []
    for at in range(5):
        save(root / f"images/n{at}.png", picture(at))
        shapes = (
            '<box label="car" xtl="1" ytl="1" xbr="9.5" ybr="6" z_order="1"/>'
            '<ellipse label="tree" cx="9" cy="6" rx="5" ry="4" z_order="0"/>'
        )
        split = ("Train", "Validation")[at % 2]
        parts.append(
            f'<image id="{at}" name="n{at}.png" subset="{split}" width="21" height="13">'
            f"{shapes if at else ''}</image>"
        )
    labels = "".join(f"<label><name>{n}</name></label>" for n in ("tree", "car"))
    meta = f"<meta><task><labels>{labels}</labels></task></meta>"
    text(root / "annotations.xml", f"<annotations>{meta}{''.join(parts)}</annotations>")


def yolo(root: Path) -> None:
    for at in range(5):
        save(root / f"images/n{at}.png", picture(at))
        text(root / f"labels/n{at}.txt", "1 0.1 0.1 0.9 0.2 0.7 0.9\n" if at else "")
    text(root / "classes.txt", "cat\ndog\n")


def objects(root: Path) -> None:
    """A file an object."""
    for at in range(4):
        save(root / f"n{at}/images/n{at}.png", picture(at))
        for part in range(3):
            drawn = np.zeros(SIZE, np.uint8)
            drawn[part * 4 : part * 4 + 5, at : at + 9] = 255
            save(root / f"n{at}/masks/{part}.png", drawn)


def nnunet(root: Path) -> None:
    """Two files an image; the third class is ignored."""
    for at in range(4):
        for channel in range(2):
            save(root / f"imagesTr/c{at}_000{channel}.png", picture(at + channel).convert("L"))
        save(root / f"labelsTr/c{at}.png", mask(at, (0, 1, 2)).astype(np.uint8))
    labels = {"background": 0, "heart": 1, "ignore": 2}
    content = {"channel_names": {"0": "T1", "1": "T2"}, "labels": labels, "file_ending": ".png"}
    text(root / "dataset.json", content | {"numTraining": 4})


def zipped(root: Path) -> None:
    """The first of these as a zip in the folder."""
    index(root / "inside")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted((root / "inside").rglob("*")):
            archive.write(path, path.relative_to(root))
    (root / "set.zip").write_bytes(buffer.getvalue())


SOURCES: dict[str, Callable[[Path], None]] = {
    f.__name__: f for f in (index, colors, binary, voc, coco, cvat, yolo, objects, nnunet)
}
