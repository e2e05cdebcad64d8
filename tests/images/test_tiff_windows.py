import tracemalloc

import numpy as np
import pytest
import tifffile
from PIL import Image

from intarsia.errors import ImageError
from intarsia.images import has_windows, read_header, read_image, read_mask
from intarsia.images.tiff_window import stored_window

H, W = 75, 101
rng = np.random.default_rng(0)
RGB = rng.integers(0, 256, (H, W, 3), np.uint8)
GREY = rng.integers(0, 256, (H, W), np.uint8)
DEEP = rng.integers(0, 65536, (H, W), np.uint16)
COLORS = rng.integers(0, 65536, (3, 256), np.uint16)
WINDOWS = (
    ((0, H), (0, W)),
    ((0, 1), (0, 1)),
    ((31, 33), (15, 50)),  # over the seams of tiles and strips
    ((64, H), (96, W)),  # the corner, where tiles are cut short
)
TILED = {"tile": (32, 48), "compression": "zlib"}
STRIPPED = {"rowsperstrip": 8, "compression": "zlib"}


def equal_crops(path, **options):
    whole = read_image(path, **options)
    for rows, columns in WINDOWS:
        part = read_image(path, window=(rows, columns), **options)
        assert part.dtype == whole.dtype
        np.testing.assert_array_equal(part, whole[slice(*rows), slice(*columns)])


@pytest.mark.parametrize(
    ("array", "options"),
    [
        (RGB, TILED),
        (RGB, STRIPPED),
        (RGB, TILED | {"predictor": True}),
        (DEEP, STRIPPED | {"predictor": True}),
        (DEEP, TILED | {"byteorder": ">"}),
        (DEEP, TILED | {"compression": "lzw", "bigtiff": True}),
        (DEEP.astype(np.float32) / 7, TILED | {"predictor": 3}),
        (GREY > 99, {"compression": "zlib", "rowsperstrip": 8}),
        (GREY, {}),
        (GREY, STRIPPED | {"photometric": "miniswhite"}),
        (np.moveaxis(RGB, -1, 0), TILED | {"photometric": "rgb", "planarconfig": "separate"}),
        (np.moveaxis(RGB, -1, 0), {"photometric": "rgb", "planarconfig": "separate"}),
        (np.dstack([RGB, RGB]), TILED | {"photometric": "minisblack", "planarconfig": "contig"}),
        (np.dstack([RGB, GREY]), TILED | {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
        (GREY, TILED | {"photometric": "palette", "colormap": COLORS}),
        (RGB, TILED | {"compression": "jpeg", "photometric": "ycbcr", "subsampling": (2, 2)}),
    ],
)
def test_a_window_is_the_crop_of_the_whole(tmp_path, array, options):
    tifffile.imwrite(tmp_path / "a.tif", array, **options)
    assert has_windows(tmp_path / "a.tif")
    equal_crops(tmp_path / "a.tif")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_window_of_the_upright_image(tmp_path, orientation):
    tifffile.imwrite(tmp_path / "a.tif", RGB, extratags=[(274, "H", 1, orientation, True)], **TILED)
    whole = read_image(tmp_path / "a.tif")
    rows, columns = (10, 40), (5, 60)
    part = read_image(tmp_path / "a.tif", window=(rows, columns))
    np.testing.assert_array_equal(part, whole[10:40, 5:60])


def test_where_a_window_of_a_turned_image_is_stored():
    # 6: what is stored lies on its side, its first row is the right edge of the picture
    assert stored_window(((0, 1), (18, 20)), 10, 20, 6) == ((0, 2), (0, 1))
    assert stored_window(((0, 1), (0, 2)), 10, 20, 3) == ((9, 10), (18, 20))


def test_pages_channels_a_page_each_and_alpha(tmp_path):
    stack = np.stack([GREY, GREY // 2, GREY // 3])
    tifffile.imwrite(tmp_path / "pages.tif", stack, photometric="minisblack", **TILED)
    equal_crops(tmp_path / "pages.tif", page=1)
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, metadata={"axes": "CYX"}, **TILED)
    equal_crops(tmp_path / "a.ome.tif")
    assert has_windows(tmp_path / "a.ome.tif")
    four = np.dstack([RGB, GREY])
    tifffile.imwrite(tmp_path / "a.tif", four, photometric="rgb", extrasamples=["unassalpha"])
    equal_crops(tmp_path / "a.tif", alpha=True)


def test_pages_of_other_sizes_and_what_lies_beside_an_image(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(GREY[:20, :30], subfiletype=1)  # a thumbnail comes first
        tiff.write(DEEP, **TILED)
        tiff.write(GREY[:40, :50] > 9, subfiletype=4)  # GDAL's mask of valid pixels
        tiff.write(RGB[:50, :60], photometric="rgb")
    with pytest.raises(ImageError, match="the file holds 2 images"):
        read_image(path)
    for page, shape, dtype in ((None, (H, W, 1), "uint16"), (1, (50, 60, 3), "uint8")):
        header = read_header(path, page=page)
        assert (header.height, header.width, header.channels) == shape
        assert (header.dtype, header.frames) == (dtype, 2)
    equal_crops(path, page=0)
    assert read_image(path, page=0).shape == (H, W, 1)
    assert read_image(path, page=1, window=((9, 50), (0, 60))).shape == (41, 60, 3)
    with pytest.raises(ImageError, match="no page 2: the file holds 2"):
        read_header(path, page=2)


def test_what_cannot_be_read_in_windows_is_cut_out_of_the_whole(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    stack = np.stack([DEEP, DEEP // 2])
    tifffile.imwrite(tmp_path / "a.tif", stack, metadata={"axes": "ZYX"}, truncate=True)
    assert not has_windows(tmp_path / "a.png")
    equal_crops(tmp_path / "a.png")
    assert not has_windows(tmp_path / "a.tif", page=1)
    equal_crops(tmp_path / "a.tif", page=1)
    one_strip = np.zeros((4200, 4200), np.uint8)
    tifffile.imwrite(tmp_path / "s.tif", one_strip, compression="zlib", rowsperstrip=4200)
    assert not has_windows(tmp_path / "s.tif")


def test_a_window_of_a_mask(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", GREY, **TILED)
    for name in ("a.png", "a.tif"):
        part = read_mask(tmp_path / name, window=((31, 33), (15, 50))).values
        np.testing.assert_array_equal(part, GREY[31:33, 15:50])


def test_a_window_outside_the_image_is_an_error(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", RGB, **TILED)
    for name in ("a.png", "a.tif"):
        for window in (((0, H + 1), (0, 9)), ((-1, 5), (0, 9)), ((0, 9), (W, W)), ((5, 3), (0, 9))):
            with pytest.raises(ImageError, match="no window of"):
                read_image(tmp_path / name, window=window)
    with pytest.raises(ImageError, match="no window of rows 0 to 80: the image has 75"):
        read_mask(tmp_path / "a.png", window=((0, 80), (0, 9)))


def test_a_window_of_a_file_cut_short_is_an_error(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", RGB, **TILED)
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageError, match=r"cut short|damaged"):
        read_image(tmp_path / "a.tif", window=((0, 9), (0, 9)))


def test_a_window_takes_the_memory_of_the_tiles_it_touches(tmp_path):
    """Of 147 million pixels: a sparse file, all of whose tiles but two are left out."""
    path = tmp_path / "a.tif"
    tile = np.full((256, 256, 3), 7, np.uint8)
    tiles = (tile if n in (0, 48 * 20 + 20) else None for n in range(48 * 48))
    shape = (48 * 256, 48 * 256, 3)
    tifffile.imwrite(
        path, tiles, shape=shape, dtype=np.uint8, tile=(256, 256), compression="zlib",
        photometric="rgb",
    )  # fmt: skip
    read_image(path, window=((0, 9), (0, 9)))  # imports
    tracemalloc.start()
    part = read_image(path, window=((20 * 256 - 9, 21 * 256), (20 * 256, 20 * 256 + 300)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert part[9:, :256].min() == 7
    assert part[:9].max() == 0
    assert part[:, 256:].max() == 0
    assert peak < 8e6
