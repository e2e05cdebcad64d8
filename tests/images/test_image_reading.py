import os

import numpy as np
import pytest
import tifffile
from PIL import Image

from intarsia import images
from intarsia.errors import ImageError
from intarsia.images import read_header, read_image

H, W = 37, 53
rng = np.random.default_rng(0)
RGB = rng.integers(0, 256, (H, W, 3), np.uint8)
GREY = rng.integers(0, 256, (H, W), np.uint8)
DEEP = rng.integers(0, 65536, (H, W), np.uint16)


def both(path):
    """The image, after checking that its header announced it."""
    header, array = read_header(path), read_image(path)
    assert array.shape == (header.height, header.width, header.channels)
    assert array.dtype.name == header.dtype
    return array


@pytest.mark.parametrize(
    ("picture", "name", "expected"),
    [
        (Image.fromarray(RGB), "a.png", RGB),
        (Image.fromarray(RGB), "a.bmp", RGB),
        (Image.fromarray(RGB), "a.ppm", RGB),
        (Image.fromarray(GREY), "a.png", GREY[..., None]),
        (Image.fromarray(DEEP), "a.png", DEEP[..., None]),
        (Image.fromarray(GREY > 128), "a.png", np.where(GREY > 128, 255, 0)[..., None]),
        (Image.fromarray(np.dstack([RGB, GREY])), "alpha.png", RGB),
        (Image.fromarray(np.dstack([GREY, GREY])), "alpha.png", GREY[..., None]),
    ],
)
def test_pillow_formats(tmp_path, picture, name, expected):
    picture.save(tmp_path / name)
    np.testing.assert_array_equal(both(tmp_path / name), expected)


def test_palette_becomes_rgb_also_with_transparency(tmp_path):
    picture = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8))
    picture.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    picture.save(tmp_path / "a.png", transparency=bytes([0, 128, 255]))
    assert both(tmp_path / "a.png").tolist() == [
        [[10, 20, 30], [40, 50, 60]],
        [[70, 80, 90], [40, 50, 60]],
    ]


def test_cmyk_jpeg_becomes_rgb(tmp_path):
    Image.new("CMYK", (W, H), (0, 0, 0, 0)).save(tmp_path / "a.jpg")
    assert both(tmp_path / "a.jpg").min() > 250


@pytest.mark.parametrize("channels", [3, 4])
def test_png_of_16_bits_and_several_channels(tmp_path, channels):
    import cv2

    deep = rng.integers(0, 65536, (H, W, channels), np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), deep)
    np.testing.assert_array_equal(both(tmp_path / "a.png"), deep[:, :, 2::-1])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_as_pillow_turns_it(tmp_path, orientation):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[274] = orientation
    for name in ("a.png", "a.jpg"):
        Image.fromarray(RGB).save(tmp_path / name, exif=exif)
        turned = ImageOps.exif_transpose(Image.open(tmp_path / name))
        np.testing.assert_array_equal(both(tmp_path / name), np.asarray(turned))


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_orientation_outside_1_to_8_counts_as_1(tmp_path, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(RGB).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(both(tmp_path / "a.png"), RGB)


@pytest.mark.parametrize(
    ("array", "options"),
    [
        (GREY, {}),
        (DEEP, {}),
        (DEEP.astype(np.int16), {}),
        (GREY.astype(np.float32) / 7, {}),
        (RGB, {"photometric": "rgb"}),
        (RGB, {"photometric": "rgb", "compression": "zlib", "predictor": True}),
        (np.moveaxis(RGB, -1, 0), {"photometric": "rgb", "planarconfig": "separate"}),
        (np.dstack([RGB, RGB]), {"photometric": "minisblack", "planarconfig": "contig"}),
    ],
)
def test_tiff_of_any_depth_and_channels(tmp_path, array, options):
    tifffile.imwrite(tmp_path / "a.tif", array, **options)
    expected = array
    if array.ndim == 2:
        expected = array[..., None]
    elif options.get("planarconfig") == "separate":
        expected = np.moveaxis(array, 0, -1)
    np.testing.assert_array_equal(both(tmp_path / "a.tif"), expected)


def test_tiff_alpha_is_dropped_and_a_fourth_band_is_not(tmp_path):
    four = np.dstack([RGB, GREY])
    for kind, expected in (("unassalpha", RGB), ("unspecified", four)):
        tifffile.imwrite(tmp_path / "a.tif", four, photometric="rgb", extrasamples=[kind])
        np.testing.assert_array_equal(both(tmp_path / "a.tif"), expected)
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif", alpha=True), four)


def test_alpha_is_kept_where_asked_for(tmp_path):
    import cv2

    deep = rng.integers(0, 65536, (H, W, 4), np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    read = read_image(tmp_path / "deep.png", alpha=True)
    np.testing.assert_array_equal(read, deep[:, :, [2, 1, 0, 3]])
    four = np.dstack([RGB, GREY])
    Image.fromarray(four).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", alpha=True), four)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", alpha=False), RGB)


def test_tiff_white_is_zero_is_turned_round(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GREY, photometric="miniswhite")
    np.testing.assert_array_equal(both(tmp_path / "a.tif")[..., 0], 255 - GREY)


def test_tiff_channels_stored_a_page_each(tmp_path):
    array = rng.integers(0, 4000, (5, H, W), np.uint16)
    tifffile.imwrite(tmp_path / "a.ome.tif", array, metadata={"axes": "CYX"})
    np.testing.assert_array_equal(both(tmp_path / "a.ome.tif"), np.moveaxis(array, 0, -1))


def test_several_pages_need_a_choice(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([GREY, GREY // 2]), photometric="minisblack")
    Image.fromarray(GREY).save(
        tmp_path / "a.gif", save_all=True, append_images=[Image.fromarray(GREY // 2)]
    )
    for name in ("a.tif", "a.gif"):
        assert read_header(tmp_path / name).frames == 2
        with pytest.raises(ImageError, match="holds 2 images") as caught:
            read_image(tmp_path / name)
        assert "page" in str(caught.value.hint)
        with pytest.raises(ImageError, match="no page 2"):
            read_image(tmp_path / name, page=2)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", page=1)[..., 0], GREY // 2)


def test_a_phone_photograph_with_its_preview_is_one_image(tmp_path):
    small = Image.fromarray(RGB[::2, ::2])
    Image.fromarray(RGB).save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[small])
    assert both(tmp_path / "a.jpg").shape == (H, W, 3)
    assert read_header(tmp_path / "a.jpg").format == "JPEG"


def test_nan_and_infinity_are_errors(tmp_path):
    array = np.ones((H, W), np.float32)
    array[3, 4], array[5, 6] = np.nan, np.inf
    tifffile.imwrite(tmp_path / "a.tif", array)
    with pytest.raises(ImageError, match="2 values are NaN or infinite"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jpg", b"", "empty"),
        ("a.jpg", b"<!DOCTYPE html><html>404", "HTML page"),
        ("a.png", b"\n<svg xmlns='x'/>", "SVG"),
        ("a.png", b"%PDF-1.7", "PDF"),
        ("a.jpg", b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript"),
        ("a.png", b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        ("a.tif", b"II*\0", "damaged|no image|cut short"),
        ("a.jpg", b"hello, world", "not an image"),
    ],
)
def test_other_files_under_an_image_name(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    for read in (read_header, read_image, images.read_mask):
        with pytest.raises(ImageError, match=message) as caught:
            read(tmp_path / name)
        assert name in str(caught.value.where)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.bmp", "deep.png"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.95])
def test_cut_short_anywhere(tmp_path, name, share):
    path = tmp_path / name
    if name == "deep.png":
        import cv2

        cv2.imwrite(str(path), np.dstack([DEEP, DEEP, DEEP]))
    elif name == "a.tif":
        tifffile.imwrite(path, RGB, rowsperstrip=5, compression="zlib", photometric="rgb")
    else:
        Image.fromarray(RGB).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ImageError):
        read_image(path)


def test_the_pixel_limit_is_ours_and_comes_before_decoding(tmp_path, monkeypatch):
    Image.new("1", (9400, 10)).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((10, 9400), np.uint8))
    monkeypatch.setattr("intarsia.images.header.MAX_PIXELS", 90_000)
    for name in ("a.png", "a.tif"):
        for read in (read_header, read_image):
            with pytest.raises(ImageError, match="9400 x 10"):
                read(tmp_path / name)


def test_past_pillows_own_limit_without_a_warning_and_without_moving_it(tmp_path):
    before = Image.MAX_IMAGE_PIXELS
    Image.new("1", (20000, 10000)).save(tmp_path / "a.png")
    assert read_header(tmp_path / "a.png").width == 20000
    assert before == Image.MAX_IMAGE_PIXELS


def test_not_a_regular_file(tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nothing.png")
    os.mkfifo(tmp_path / "pipe.png")
    for name in ("folder.png", "loop.png", "dangling.png", "pipe.png", "missing.png"):
        with pytest.raises(ImageError):
            read_image(tmp_path / name)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1)])
def test_tiny_images(tmp_path, size):
    Image.new("RGB", size).save(tmp_path / "a.png")
    assert both(tmp_path / "a.png").shape == (size[1], size[0], 3)


def test_a_damaged_tiff_is_no_crash(tmp_path):
    """Tiles of no width make tifffile divide by zero."""
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.zeros((20, 30), np.uint8), tile=(16, 16), metadata=None)
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages[0].aspage().tags["TileWidth"].valueoffset
    content = bytearray(path.read_bytes())
    content[offset : offset + 2] = b"\0\0"
    path.write_bytes(content)
    with pytest.raises(ImageError, match="damaged"):
        read_image(path)
