"""The table of faults: how each is planted, and the code and file that must come out."""

from __future__ import annotations

import os
import shutil
import struct
import unicodedata
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import Image

from intarsia.doctor.files import printable

from .conftest import SIZE, ids, picture, save
from .made import SPLITS, Made

Plant = Callable[[Made, Path, Path], Path]


@dataclass(frozen=True)
class Fault:
    """One kind: `plant` damages the pair (image, mask) and gives the file to be named."""

    kind: str
    code: str
    plant: Plant
    encodings: tuple[str, ...] = ()  # of the sets it makes sense in; none: all


FAULTS: list[Fault] = []
# layout, format of the images and of the masks, how the masks hold the classes
SETS = [
    ("splits above", "png", "png", "ids"),
    ("splits below", "jpg", "png", "colors"),
    ("camvid", "bmp", "tif", "wide"),
    ("nested", "tif", "bmp", "binary"),
    ("suffix", "webp", "png", "palette"),
    ("declared", "jpeg", "png", "alpha"),
    ("camvid", "png", "tif", "deep"),
    ("splits below", "png", "png", "bit"),
]
SOUND_LAYOUTS = ["splits above", "splits below", "camvid", "nested", "suffix"]
SOUND = [
    ("png", "png", "ids"),
    ("jpg", "png", "colors"),
    ("jpg", "png", "alpha"),
    ("bmp", "tif", "wide"),
    ("tif", "bmp", "binary"),
    ("webp", "png", "palette"),
    ("png", "tif", "deep"),
    ("png", "png", "bit"),
    ("ppm", "pgm", "ids"),
    ("gif", "png", "ids"),
]
_NUMBERS = ("ids", "wide", "palette")
_COLORS = ("colors", "alpha")


def faults_of(encoding: str) -> list[Fault]:
    """Those that make sense in a set of this encoding."""
    return [f for f in FAULTS if not f.encodings or encoding in f.encodings]


def plant_all(made: Made) -> dict[str, tuple[str, str]]:
    """Every fault in a pair of its own; the code and the file to be found by kind."""
    planted = {}
    for number, (fault, split) in enumerate(
        zip(faults_of(made.encoding), cycle(SPLITS), strict=False)
    ):
        name = f"fault{number}x{split}"
        made.write(split, name, seed=number)
        file = fault.plant(made, made.image(split, name), made.mask(split, name))
        planted[fault.kind] = (fault.code, printable(made.shown(file)))
    return planted


def _fault(code: str, *encodings: str) -> Callable[[Plant], Plant]:
    def add(plant: Plant) -> Plant:
        FAULTS.append(Fault(plant.__name__, code, plant, encodings))
        return plant

    return add


def _png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + body + struct.pack(">I", 0) + b"IDAT" + b"\0" * 4


def _cut(path: Path) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.6)])
    return path


@_fault("missing-mask")
def no_mask(made: Made, image: Path, mask: Path) -> Path:
    mask.unlink()
    return image


@_fault("orphan-mask")
def no_image(made: Made, image: Path, mask: Path) -> Path:
    image.unlink()
    return mask


@_fault("two-files-one-name")
def an_image_in_two_formats(made: Made, image: Path, mask: Path) -> Path:
    other = image.with_suffix(".tiff" if image.suffix != ".tiff" else ".png")
    save(other, picture(5))
    return max(image, other)


@_fault("two-files-one-name")
def a_mask_in_two_formats(made: Made, image: Path, mask: Path) -> Path:
    other = mask.with_suffix(".tiff")
    shutil.copy(mask, other)
    return max(mask, other)


@_fault("two-files-one-name")
def a_name_in_two_forms_of_unicode(made: Made, image: Path, mask: Path) -> Path:
    names = [image.stem.replace("fault", unicodedata.normalize(f, "é")) for f in ("NFC", "NFD")]
    mask.rename(mask.with_name(mask.name.replace("fault", unicodedata.normalize("NFC", "é"))))
    image.rename(image.with_name(names[0] + image.suffix))
    save(image.with_name(names[1] + image.suffix), picture(18))
    return max(image.with_name(name + image.suffix) for name in names)


@_fault("empty-file")
def an_empty_image(made: Made, image: Path, mask: Path) -> Path:
    image.write_bytes(b"")
    return image


@_fault("empty-file")
def an_empty_mask_file(made: Made, image: Path, mask: Path) -> Path:
    mask.write_bytes(b"")
    return mask


@_fault("not-an-image")
def a_page_named_image(made: Made, image: Path, mask: Path) -> Path:
    image.write_text("<!DOCTYPE html><html><body>404</body></html>")
    return image


@_fault("not-an-image")
def a_drawing_named_image(made: Made, image: Path, mask: Path) -> Path:
    image.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>')
    return image


@_fault("not-an-image")
def a_pointer_named_mask(made: Made, image: Path, mask: Path) -> Path:
    mask.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    return mask


@_fault("not-an-image")
def noise_named_image(made: Made, image: Path, mask: Path) -> Path:
    image.write_bytes(bytes(range(7, 256)) * 9)
    return image


@_fault("cut-short")
def a_cut_image(made: Made, image: Path, mask: Path) -> Path:
    save(image, picture(8), format="PNG")
    return _cut(image)


@_fault("cut-short")
def a_cut_photo(made: Made, image: Path, mask: Path) -> Path:
    save(image, picture(8), format="JPEG")
    return _cut(image)


@_fault("cut-short")
def a_cut_tiff(made: Made, image: Path, mask: Path) -> Path:
    tifffile.imwrite(image, picture(8), photometric="rgb")
    return _cut(image)


@_fault("cut-short")
def a_cut_mask(made: Made, image: Path, mask: Path) -> Path:
    tifffile.imwrite(mask, ids())
    return _cut(mask)


def _flip(path: Path) -> Path:
    """A PNG with one byte of its pixels changed: its checksum says so."""
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 12] ^= 0x55
    path.write_bytes(data)
    return path


@_fault("unreadable-image")
def a_flipped_byte(made: Made, image: Path, mask: Path) -> Path:
    save(image, picture(8), format="PNG")
    return _flip(image)


@_fault("unreadable-mask")
def a_flipped_byte_in_a_mask(made: Made, image: Path, mask: Path) -> Path:
    made.picture_of(ids()).save(mask, format="PNG")
    return _flip(mask)


@_fault("too-many-pixels")
def a_bomb(made: Made, image: Path, mask: Path) -> Path:
    image.write_bytes(_png_header(30_000, 30_000))
    return image


@_fault("several-pages")
def several_pages(made: Made, image: Path, mask: Path) -> Path:
    tifffile.imwrite(image, np.stack([picture(1)[:, :, 0]] * 5), photometric="minisblack")
    return image


@_fault("several-pages")
def an_animation(made: Made, image: Path, mask: Path) -> Path:
    frames = [Image.fromarray(picture(n)) for n in range(3)]
    frames[0].save(image, format="GIF", save_all=True, append_images=frames[1:])
    return image


@_fault("several-pages")
def an_animated_png(made: Made, image: Path, mask: Path) -> Path:
    frames = [Image.fromarray(picture(n)) for n in range(3)]
    frames[0].save(image, format="PNG", save_all=True, append_images=frames[1:])
    return image


@_fault("several-pages")
def a_mask_of_several_pages(made: Made, image: Path, mask: Path) -> Path:
    tifffile.imwrite(mask, np.stack([ids()] * 2), photometric="minisblack")
    return mask


@_fault("not-finite")
def not_a_number(made: Made, image: Path, mask: Path) -> Path:
    values = np.ones(SIZE, np.float32)
    values[3, 4], values[5, 6] = np.nan, np.inf
    tifffile.imwrite(image, values)
    return image


@_fault("not-a-mask")
def fractions(made: Made, image: Path, mask: Path) -> Path:
    tifffile.imwrite(mask, np.full(SIZE, 0.5, np.float32))
    return mask


@_fault("channel-count")
def five_channels(made: Made, image: Path, mask: Path) -> Path:
    tifffile.imwrite(
        image, np.zeros((*SIZE, 5), np.uint8), photometric="minisblack", planarconfig="contig"
    )
    return image


@_fault("not-a-file")
def a_pipe(made: Made, image: Path, mask: Path) -> Path:
    image.unlink()
    os.mkfifo(image)
    return image


@_fault("not-a-file")
def a_device(made: Made, image: Path, mask: Path) -> Path:
    image.unlink()
    image.symlink_to("/dev/zero")
    return image


@_fault("broken-link")
def a_loop(made: Made, image: Path, mask: Path) -> Path:
    image.unlink()
    image.symlink_to(image.name)
    return image


@_fault("broken-link")
def a_link_to_nothing(made: Made, image: Path, mask: Path) -> Path:
    mask.unlink()
    mask.symlink_to("gone.png")
    return mask


@_fault("link-outside")
def a_link_out(made: Made, image: Path, mask: Path) -> Path:
    outside = made.root.parent / f"outside-{image.name}"
    shutil.move(image, outside)
    image.symlink_to(outside)
    return image


@_fault("size-mismatch")
def a_smaller_mask(made: Made, image: Path, mask: Path) -> Path:
    made.write_mask(mask, ids()[:, :-7])
    return mask


@_fault("size-mismatch")
def a_turned_mask(made: Made, image: Path, mask: Path) -> Path:
    made.write_mask(mask, ids().T.copy())
    return mask


@_fault("exif-mismatch")
def a_turned_photo(made: Made, image: Path, mask: Path) -> Path:
    exif = Image.Exif()
    exif[274] = 6
    save(image, picture(9), format="JPEG", exif=exif)
    return mask


@_fault("exif-turned")
def a_photo_upside_down(made: Made, image: Path, mask: Path) -> Path:
    exif = Image.Exif()
    exif[274] = 3
    save(image, picture(10), format="JPEG", exif=exif)
    return image


@_fault("unknown-value", "ids", "wide")
def an_undeclared_id(made: Made, image: Path, mask: Path) -> Path:
    stored = np.asarray(made.picture_of(ids())).copy()
    stored[30, :7] = 9
    save(mask, stored)
    return mask


@_fault("unknown-value", "ids", "wide", "deep")
def an_id_out_of_range(made: Made, image: Path, mask: Path) -> Path:
    stored = np.asarray(made.picture_of(ids())).astype(np.uint16)
    stored[3, 3] = 40_000
    tifffile.imwrite(mask, stored)
    return mask


@_fault("negative-value", "ids", "wide", "deep")
def a_negative_id(made: Made, image: Path, mask: Path) -> Path:
    stored = np.asarray(made.picture_of(ids())).astype(np.int32)
    stored[30, :3] = -1
    tifffile.imwrite(mask, stored)
    return mask


@_fault("unknown-color", *_COLORS)
def an_unknown_color(made: Made, image: Path, mask: Path) -> Path:
    stored = np.asarray(made.picture_of(ids())).copy()
    stored[30, :7, :3] = (1, 2, 3)
    save(mask, stored)
    return mask


@_fault("lossy-mask")
def a_mask_as_jpeg(made: Made, image: Path, mask: Path) -> Path:
    made.picture_of(ids()).convert("RGB").save(mask, format="JPEG", quality=60)
    return mask


@_fault("blurred-mask", "wide", "colors", "binary")
def a_smoothed_mask(made: Made, image: Path, mask: Path) -> Path:
    if made.encoding == "binary":
        shape = np.zeros((150, 200), np.uint8)
        cv2.circle(shape, (100, 70), 50, 255, -1)
        save(image, np.resize(picture(6), (150, 200, 3)))
        save(mask, cv2.GaussianBlur(shape, (5, 5), 0))
        return mask
    disc = np.zeros((4 * SIZE[0], 4 * SIZE[1]), np.uint8)
    cv2.circle(disc, (100, 74), 50, 2, -1)
    cv2.circle(disc, (60, 40), 30, 1, -1)
    stored = np.asarray(made.picture_of(disc))
    save(mask, cv2.resize(stored, SIZE[::-1], interpolation=cv2.INTER_AREA))
    return mask


@_fault("all-ignored", *_NUMBERS, *_COLORS, "deep")
def all_ignored(made: Made, image: Path, mask: Path) -> Path:
    made.write_mask(mask, np.full(SIZE, 255, np.uint8))
    return mask


@_fault("empty-mask", "binary", "bit")
def background_only(made: Made, image: Path, mask: Path) -> Path:
    made.write_mask(mask, np.zeros(SIZE, np.uint8))
    return mask


@_fault("palette-differs", "palette")
def another_palette(made: Made, image: Path, mask: Path) -> Path:
    stored = Image.fromarray(ids())
    stored.putpalette([n // 3 for n in range(768)])
    stored.save(mask)
    return mask


@_fault("blank-image")
def one_color(made: Made, image: Path, mask: Path) -> Path:
    save(image, np.full((*SIZE, 3), 8, np.uint8))
    return image


@_fault("tiny-image")
def one_pixel(made: Made, image: Path, mask: Path) -> Path:
    save(image, picture(11)[:1, :1])
    made.write_mask(mask, ids()[20:21, :1])
    return image


@_fault("extreme-shape")
def a_strip(made: Made, image: Path, mask: Path) -> Path:
    save(image, np.resize(picture(12), (2, 900, 3)))
    made.write_mask(mask, np.resize(ids(), (2, 900)))
    return image


@_fault("tiny-image")
def one_row_of_5000(made: Made, image: Path, mask: Path) -> Path:
    save(image, np.resize(picture(19), (1, 5000, 3)))
    made.write_mask(mask, np.resize(ids()[5:], (1, 5000)))
    return image


@_fault("mixed-depth")
def sixteen_bits(made: Made, image: Path, mask: Path) -> Path:
    tifffile.imwrite(image, picture(13).astype(np.uint16) * 200, photometric="rgb")
    return image


@_fault("cmyk-image")
def inks(made: Made, image: Path, mask: Path) -> Path:
    Image.fromarray(picture(14)).convert("CMYK").save(image, format="JPEG")
    return image


@_fault("alpha-image")
def transparency(made: Made, image: Path, mask: Path) -> Path:
    save(image, np.dstack([picture(15), picture(16)[:, :, 0]]), format="PNG")
    return image


@_fault("odd-name")
def a_line_break(made: Made, image: Path, mask: Path) -> Path:
    for path in (image, mask):
        path.rename(path.with_name(path.name.replace("fault", "fault\n")))
    return image.with_name(image.name.replace("fault", "fault\n"))


@_fault("odd-name")
def a_name_of_bytes(made: Made, image: Path, mask: Path) -> Path:
    odd = os.fsdecode(b"fault\xe9")
    for path in (image, mask):
        path.rename(path.with_name(path.name.replace("fault", odd)))
    return image.with_name(image.name.replace("fault", odd))


@_fault("odd-name")
def a_name_of_250_bytes(made: Made, image: Path, mask: Path) -> Path:
    long = "long" + "g" * (250 - len(image.name.replace("fault", "long").encode()))
    for path in (image, mask):
        path.rename(path.with_name(path.name.replace("fault", long)))
    return image.with_name(image.name.replace("fault", long))


@_fault("odd-name")
def a_space_at_the_end(made: Made, image: Path, mask: Path) -> Path:
    for path in (image, mask):
        path.rename(path.with_name(" " + path.name))
    return image.with_name(" " + image.name)


@_fault("case-collision")
def upper_case(made: Made, image: Path, mask: Path) -> Path:
    save(image.with_name(image.name.replace("fault", "FAULT")), picture(17))
    shutil.copy(mask, mask.with_name(mask.name.replace("fault", "FAULT")))
    return image  # the capitals come first


@_fault("identical-images")
def a_twin(made: Made, image: Path, mask: Path) -> Path:
    split = next(s for s in ("train", "val", "test") if s in made.shown(image))
    shutil.copy(made.image(split, f"{split}_sound0"), image)
    return max(image, made.image(split, f"{split}_sound0"))


@_fault("identical-across-splits")
def a_twin_elsewhere(made: Made, image: Path, mask: Path) -> Path:
    split = next(s for s in ("train", "val", "test") if s in made.shown(image))
    other = "train" if split != "train" else "val"
    shutil.copy(made.image(other, f"{other}_sound1"), image)
    return image if other == "train" else made.image(other, f"{other}_sound1")


@_fault("conflicting-masks", *_NUMBERS, *_COLORS)
def a_twin_with_another_mask(made: Made, image: Path, mask: Path) -> Path:
    split = next(s for s in ("train", "val", "test") if s in made.shown(image))
    shutil.copy(made.image(split, f"{split}_sound2"), image)
    made.write_mask(mask, ids()[::-1].copy())
    return max(image, made.image(split, f"{split}_sound2"))
