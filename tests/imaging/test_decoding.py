"""Does a picture of every mode come out in the colours that its file states?"""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from prunescope.base.errors import DataError
from prunescope.imaging.decoding import decode_in_colour, in_colour, read_picture

DEEP = np.array([[0, 128, 129, 4095, 32768, 65535]], np.uint16)
SHOWN = [0, 0, 1, 16, 128, 255]  # divided by 257 and rounded


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def shown(picture: Image.Image) -> np.ndarray:
    return np.asarray(in_colour(picture, "a.png"))


def png(bits: int, colour: int, row: bytes, width: int) -> bytes:
    """Write a PNG of one row, of any depth and colour type."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, 1, bits, colour, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" + row)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def tiff(values: np.ndarray, order: str, bits: int, photometric: int) -> bytes:
    """Write an uncompressed grey TIFF of one row of 16-bit words."""
    body = values.astype(f"{order}u2").tobytes()
    tags = [
        (256, values.size),
        (257, 1),
        (258, bits),
        (259, 1),
        (262, photometric),
        (273, 8),
        (277, 1),
        (278, 1),
        (279, len(body)),
    ]
    entries = b"".join(struct.pack(f"{order}HHIHH", tag, 3, 1, value, 0) for tag, value in tags)
    mark = {"<": b"II", ">": b"MM"}[order]
    head = mark + struct.pack(f"{order}HI", 42, 8 + len(body))
    return head + body + struct.pack(f"{order}H", len(tags)) + entries + struct.pack("<I", 0)


@pytest.mark.parametrize(
    "content",
    [
        saved(Image.fromarray(DEEP), "PNG"),
        saved(Image.fromarray(DEEP), "TIFF"),
        tiff(DEEP, "<", 16, 1),
        tiff(DEEP, ">", 16, 1),
        tiff(65535 - DEEP, "<", 16, 0),
        b"P5\n6 1\n65535\n" + DEEP.astype(">u2").tobytes(),
    ],
    ids=["png", "tiff", "little endian", "big endian", "white is zero", "pgm"],
)
def test_16_bit_grey_keeps_its_range(content):
    assert shown(opened(content))[0].tolist() == [[value] * 3 for value in SHOWN]


def test_a_16_bit_picture_of_python_keeps_its_range_in_either_byte_order():
    for mode, order in (("I;16", "<"), ("I;16B", ">"), ("I;16L", "<")):
        picture = Image.frombytes(mode, (6, 1), DEEP.astype(f"{order}u2").tobytes())
        assert shown(picture)[0, :, 0].tolist() == SHOWN


def test_16_bit_colour_keeps_its_range():
    row = struct.pack(">6H", 0, 65535, 32768, 4095, 257, 65280)
    assert shown(opened(png(16, 2, row, 2)))[0].tolist() == [[0, 255, 128], [15, 1, 255]]
    with_opacity = struct.pack(">4H", 65535, 65535, 4095, 0)
    assert shown(opened(png(16, 4, with_opacity, 2)))[0, :, 0].tolist() == [255, 15]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_numbers_of_no_stated_range_are_refused(mode):
    with pytest.raises(DataError, match=rf"a\.png is a picture of .*mode {mode}\).*8 or 16 bits"):
        shown(Image.new(mode, (2, 2)))


@pytest.mark.parametrize(
    ("mode", "stored", "expected"),
    [
        ("1", 1, [255, 255, 255]),
        ("L", 7, [7, 7, 7]),
        ("LA", (7, 0), [7, 7, 7]),
        ("RGBA", (1, 2, 3, 0), [1, 2, 3]),
        ("RGBX", (1, 2, 3, 0), [1, 2, 3]),
        ("RGBa", (50, 100, 0, 128), [100, 199, 0]),
        ("La", (50, 128), [100, 100, 100]),
        ("CMYK", (255, 0, 0, 0), [0, 255, 255]),
        ("YCbCr", (76, 85, 255), [254, 0, 0]),
        ("LAB", (255, 128, 128), [255, 255, 255]),
        ("HSV", (0, 255, 255), [255, 0, 0]),
    ],
)
def test_every_mode_shows_the_colour_that_is_stored(mode, stored, expected):
    assert shown(Image.new(mode, (1, 1), stored))[0, 0].tolist() == pytest.approx(expected, abs=1)


def test_a_palette_shows_the_colour_beneath_what_is_transparent():
    indexed = Image.new("P", (2, 1))
    indexed.putpalette([10, 20, 30, 40, 50, 60])
    indexed.putpixel((1, 0), 1)
    for transparency in (1, bytes([255, 0])):
        picture = opened(saved(indexed, "PNG", transparency=transparency))
        assert shown(picture)[0].tolist() == [[10, 20, 30], [40, 50, 60]]
    assert shown(indexed.convert("PA"))[0].tolist() == [[10, 20, 30], [40, 50, 60]]


def test_a_cmyk_jpeg_is_not_shown_as_its_negative():
    cyan = saved(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "JPEG", quality=100)
    assert shown(opened(cyan))[8, 8].tolist() == pytest.approx([0, 255, 255], abs=4)


@pytest.mark.parametrize("kind", ["GIF", "TIFF"])
def test_of_many_frames_the_first_is_shown(kind):
    frames = [Image.new("RGB", (2, 2), colour) for colour in ("red", "blue")]
    content = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    assert shown(opened(content))[0, 0].tolist() == [255, 0, 0]


def test_a_deep_picture_is_turned_upright_where_it_is_asked():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    picture = opened(saved(Image.fromarray(DEEP), "PNG", exif=exif))
    assert in_colour(picture, "a.png").size == (6, 1)
    upright = in_colour(picture, "a.png", upright=True)
    assert np.asarray(upright)[:, 0, 0].tolist() == SHOWN


def test_any_flipped_bit_of_a_png_is_noticed() -> None:
    pixels = np.random.default_rng(0).integers(0, 2, (6, 8, 3), np.uint8)
    whole = saved(Image.fromarray(pixels), "PNG")
    assert (np.asarray(decode_in_colour(whole, "a.png")) == pixels).all()
    for bit in range(8 * len(whole)):
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DataError, match=r"a\.png cannot be read: "):
            decode_in_colour(bytes(content), "a.png")


def test_a_png_cut_short_anywhere_is_refused() -> None:
    whole = saved(Image.new("RGB", (6, 8)), "PNG")
    for length in range(len(whole)):
        with pytest.raises(DataError, match=r"a\.png cannot be read: "):
            decode_in_colour(whole[:length], "a.png")


def test_bytes_that_are_no_picture_are_refused_without_a_place_in_memory() -> None:
    with pytest.raises(DataError) as refused:
        read_picture(b"no picture", "row 0")
    assert str(refused.value) == "row 0 cannot be read: cannot identify image file"
