import numpy as np
import pytest
import tifffile
from PIL import Image

from intarsia.errors import ImageError
from intarsia.images import read_mask

IDS = np.random.default_rng(0).integers(0, 12, (37, 53), np.uint8)


def test_grey_of_8_and_16_bits(tmp_path):
    for dtype in (np.uint8, np.uint16):
        Image.fromarray(IDS.astype(dtype)).save(tmp_path / "a.png")
        raw = read_mask(tmp_path / "a.png")
        assert (raw.kind, raw.format) == ("ids", "PNG")
        np.testing.assert_array_equal(raw.values, IDS)


@pytest.mark.parametrize("bits", [2, 4])
def test_grey_of_few_bits_keeps_its_ids(tmp_path, bits):
    """Pillow spreads 4-bit grey over 0..255; an id must stay an id."""
    import struct
    import zlib

    ids = np.arange(2**bits, dtype=np.uint8).reshape(2, -1)
    step = min(8 // bits, ids.shape[1])
    packed = [
        sum(int(value) << (8 - bits * (at + 1)) for at, value in enumerate(group))
        for row in ids
        for group in row.reshape(-1, step)
    ]
    per_row = len(packed) // 2
    lines = b"".join(b"\0" + bytes(packed[r * per_row : (r + 1) * per_row]) for r in range(2))

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", ids.shape[1], 2, bits, 0, 0, 0, 0)
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png").values, ids)


def test_a_palette_keeps_its_indices(tmp_path):
    picture = Image.fromarray(IDS)
    picture.putpalette([c for i in range(12) for c in (i * 20, 128, 255 - i)])
    for name in ("a.png", "a.gif", "a.tif"):
        picture.save(tmp_path / name)
        raw = read_mask(tmp_path / name)
        assert raw.kind == "palette"
        np.testing.assert_array_equal(raw.values, IDS)
        assert raw.palette[1].tolist() == [20, 128, 254]


def test_one_bit(tmp_path):
    for name in ("a.png", "a.tif", "a.bmp"):
        Image.fromarray(IDS > 5).save(tmp_path / name)
        raw = read_mask(tmp_path / name)
        np.testing.assert_array_equal(raw.values > 0, IDS > 5)
    tifffile.imwrite(tmp_path / "b.tif", IDS > 5, photometric="minisblack")
    raw = read_mask(tmp_path / "b.tif")
    assert raw.kind == "bit"
    np.testing.assert_array_equal(raw.values, IDS > 5)


def test_colours_without_their_alpha(tmp_path):
    colors = np.dstack([IDS, IDS * 2, IDS * 3, np.full_like(IDS, 7)])
    for channels in (3, 4):
        Image.fromarray(colors[..., :channels]).save(tmp_path / "a.png")
        raw = read_mask(tmp_path / "a.png")
        assert raw.kind == "colors"
        np.testing.assert_array_equal(raw.values, colors[..., :3])


def test_colours_of_16_bits(tmp_path):
    import cv2

    colors = np.dstack([IDS, IDS * 2, IDS * 3]).astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "a.png"), colors[..., ::-1])
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png").values, colors // 257)


def test_tiff_of_negative_and_whole_float_ids(tmp_path):
    ids = IDS.astype(np.int16) - 1
    tifffile.imwrite(tmp_path / "a.tif", ids)
    np.testing.assert_array_equal(read_mask(tmp_path / "a.tif").values, ids)
    tifffile.imwrite(tmp_path / "a.tif", IDS.astype(np.float32))
    np.testing.assert_array_equal(read_mask(tmp_path / "a.tif").values, IDS)


@pytest.mark.parametrize(
    "values", [IDS / np.float32(7), np.where(IDS == 0, np.float32(np.nan), IDS), IDS * 1e12]
)
def test_floats_that_are_no_ids(tmp_path, values):
    tifffile.imwrite(tmp_path / "a.tif", values.astype(np.float32))
    with pytest.raises(ImageError, match="the mask holds"):
        read_mask(tmp_path / "a.tif")


def test_a_jpeg_says_so(tmp_path):
    Image.fromarray(IDS).save(tmp_path / "a.jpg")
    assert read_mask(tmp_path / "a.jpg").format == "JPEG"


def test_several_pages(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([IDS, IDS]), photometric="minisblack")
    with pytest.raises(ImageError, match="2 images"):
        read_mask(tmp_path / "a.tif")
