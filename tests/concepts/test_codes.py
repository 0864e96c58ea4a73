"""Is every kind of mask read as it is meant, and every other one refused?"""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from concepts.worlds import deep_colours
from prunescope.base.errors import DataError
from prunescope.concepts.codes import read_map, read_mask
from prunescope.concepts.names import Names

RED, BLUE, BLACK, WHITE = (255, 0, 0), (0, 0, 255), (0, 0, 0), (255, 255, 255)


def listing(tmp_path, values=None, colors=None) -> Names:
    path = tmp_path / "names.csv"
    return Names(path=path, labels=(), values=values or {}, colors=colors or {}, faults=())


@pytest.fixture
def values(tmp_path) -> Names:
    return listing(tmp_path, values={0: 0, 1: 5, 2: 6, 300: 7})


@pytest.fixture
def colors(tmp_path) -> Names:
    return listing(tmp_path, colors={0: 0, 0xFF0000: 5, 0x0000FF: 6, 0xFFFFFF: 7})


def saved(tmp_path, picture: Image.Image, **options):
    path = tmp_path / "m.png"
    picture.save(path, **options)
    return path


def coloured(rows, mode="RGB") -> Image.Image:
    return Image.fromarray(np.array(rows, np.uint8), mode=None).convert(mode)


def with_palette(indices, palette) -> Image.Image:
    picture = Image.fromarray(np.array(indices, np.uint8)).convert("P")
    picture.putdata(np.array(indices).ravel().tolist())
    picture.putpalette([channel for colour in palette for channel in colour])
    return picture


class TestMaps:
    def test_a_grey_picture_is_read_by_its_values(self, tmp_path, values):
        path = saved(tmp_path, Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8)))
        plane = read_map(path, values)
        assert plane.dtype == np.int32
        assert plane.tolist() == [[0, 5], [6, 5]]

    def test_values_above_255_are_read_from_16_bits(self, tmp_path, values):
        path = saved(tmp_path, Image.fromarray(np.array([[0, 300, 1]], np.uint16)))
        assert read_map(path, values).tolist() == [[0, 7, 5]]

    def test_two_tones_are_the_values_0_and_1(self, tmp_path, values):
        path = saved(tmp_path, Image.fromarray(np.array([[False, True]])))
        assert read_map(path, values).tolist() == [[0, 5]]

    def test_a_palette_is_ignored_where_values_are_listed(self, tmp_path, values):
        path = saved(tmp_path, with_palette([[0, 1, 2]], [WHITE, RED, BLUE]))
        with Image.open(path) as stored:
            assert stored.mode == "P"
        assert read_map(path, values).tolist() == [[0, 5, 6]]

    def test_a_palette_is_shown_where_only_colours_are_listed(self, tmp_path, colors):
        path = saved(tmp_path, with_palette([[0, 1, 2]], [BLUE, BLACK, RED]))
        assert read_map(path, colors).tolist() == [[6, 0, 5]]

    def test_a_picture_in_colour_is_read_by_its_colours(self, tmp_path, colors):
        path = saved(tmp_path, coloured([[RED, BLUE], [BLACK, WHITE]]))
        assert read_map(path, colors).tolist() == [[5, 6], [0, 7]]

    def test_values_do_not_keep_a_coloured_picture_from_its_colours(self, tmp_path):
        both = listing(tmp_path, values={0: 0, 1: 1}, colors={0: 0, 0xFF0000: 2})
        assert read_map(saved(tmp_path, coloured([[RED]])), both).tolist() == [[2]]

    def test_grey_is_a_colour_where_only_colours_are_listed(self, tmp_path, colors):
        path = saved(tmp_path, Image.fromarray(np.array([[0, 255]], np.uint8)))
        assert read_map(path, colors).tolist() == [[0, 7]]

    def test_what_is_wholly_transparent_carries_nothing(self, tmp_path, colors):
        picture = coloured([[RED, (9, 9, 9), BLUE]], "RGBA")
        picture.putalpha(Image.fromarray(np.array([[255, 0, 255]], np.uint8)))
        assert read_map(saved(tmp_path, picture), colors).tolist() == [[5, 0, 6]]

    def test_a_transparent_colour_of_a_palette_carries_nothing(self, tmp_path, colors):
        palette = with_palette([[0, 1]], [RED, BLUE])
        path = saved(tmp_path, palette, transparency=bytes([255, 0]))
        assert read_map(path, colors).tolist() == [[5, 0]]

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],  # each writes what it reads
    )
    @given(
        indices=arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6))),
        data=st.data(),
    )
    def test_values_and_colours_of_the_same_concepts_say_the_same(self, tmp_path, indices, data):
        colours = data.draw(
            st.lists(st.integers(1, 0xFFFFFF), min_size=256, max_size=256, unique=True)
        )
        numbers = data.draw(st.lists(st.integers(0, 65535), min_size=256, max_size=256))
        by_value = listing(tmp_path, values=dict(enumerate(numbers)))
        by_color = listing(tmp_path, colors=dict(zip(colours, numbers, strict=True)))
        channels = np.array([(c >> 16, c >> 8 & 255, c & 255) for c in colours], np.uint8)
        plane = read_map(saved(tmp_path, Image.fromarray(indices)), by_value)
        shown = read_map(saved(tmp_path, Image.fromarray(channels[indices])), by_color)
        assert (plane == np.array(numbers)[indices]).all()
        assert (shown == plane).all()


class TestFaultyMaps:
    def test_values_without_a_row_are_named_the_most_frequent_first(self, tmp_path, values):
        codes = np.array([[9, 9, 9, 4, 4, 8, 3, 1]], np.uint8)
        path = saved(tmp_path, Image.fromarray(codes))
        said = (
            r"m\.png holds value 9 \(3 pixels\), value 4 \(2 pixels\), value 3 \(1 pixel\) and 1 "
            r"more, which .*names\.csv does not list: add rows, or repaint it"
        )
        with pytest.raises(DataError, match=said):
            read_map(path, values)

    def test_a_colour_without_a_row_is_named_as_it_is_written(self, tmp_path, colors):
        path = saved(tmp_path, coloured([[RED, (254, 1, 0)]]))
        with pytest.raises(DataError, match=r"m\.png holds colour #fe0100 \(1 pixel\), which"):
            read_map(path, colors)

    def test_many_colours_without_rows_are_told_to_come_of_smoothing(self, tmp_path, colors):
        shades = [[(255, shade, shade) for shade in range(100)]]
        with pytest.raises(DataError, match="come of smoothing or scaling"):
            read_map(saved(tmp_path, coloured(shades)), colors)

    def test_half_transparent_pixels_are_refused(self, tmp_path, colors):
        picture = coloured([[RED, BLUE]], "RGBA")
        picture.putalpha(Image.fromarray(np.array([[255, 128]], np.uint8)))
        with pytest.raises(DataError, match=r"m\.png has half-transparent pixels"):
            read_map(saved(tmp_path, picture), colors)

    @pytest.mark.parametrize(
        ("picture", "said"),
        [
            (Image.new("RGB", (2, 2)), "mode RGB.*column color"),
            (Image.new("LA", (2, 2)), "mode LA.*save it in grey"),
        ],
    )
    def test_a_kind_of_picture_that_the_values_cannot_say_is_refused(
        self, tmp_path, values, picture, said
    ):
        with pytest.raises(DataError, match=rf"m\.png is a picture of {said}"):
            read_map(saved(tmp_path, picture), values)

    def test_numbers_without_values_and_colours_are_refused(self, tmp_path):
        path = saved(tmp_path, Image.new("L", (2, 2)))
        with pytest.raises(DataError, match=r"mode L.*in column value"):
            read_map(path, listing(tmp_path))

    def test_16_bits_show_no_colours(self, tmp_path, colors):
        path = saved(tmp_path, Image.fromarray(np.array([[300]], np.uint16)))
        with pytest.raises(DataError, match=r"mode I.*in column value"):
            read_map(path, colors)

    @pytest.mark.parametrize("read", [lambda path, names: read_mask(path), read_map])
    def test_colours_of_16_bits_are_refused_for_half_of_them_would_be_lost(
        self, tmp_path, values, read
    ):
        path = tmp_path / "m.png"
        path.write_bytes(deep_colours(np.array([[[300, 0, 0], [1, 0, 0]]])))
        with Image.open(path) as stored:
            assert stored.mode == "RGB"  # and nothing in it says that it was cut
        with pytest.raises(DataError, match=r"m\.png has colours of 16 bits"):
            read(path, values)

    @pytest.mark.parametrize("read", [lambda path, names: read_mask(path), read_map])
    def test_a_jpeg_by_the_name_of_a_png_is_refused(self, tmp_path, values, read):
        path = saved(tmp_path, Image.new("L", (8, 8)), format="jpeg")
        with pytest.raises(DataError, match=r"m\.png is JPEG inside.*save it as PNG"):
            read(path, values)

    @pytest.mark.parametrize("read", [lambda path, names: read_mask(path), read_map])
    @pytest.mark.parametrize("kept", [0, 10, 45])
    def test_a_truncated_mask_is_named(self, tmp_path, values, read, kept):
        path = saved(tmp_path, Image.new("L", (8, 8)))
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(DataError, match=r"m\.png cannot be read"):
            read(path, values)


class TestMasks:
    @pytest.mark.parametrize(
        "picture",
        [
            Image.fromarray(np.array([[0, 1, 255]], np.uint8)),
            Image.fromarray(np.array([[0, 1, 300]], np.uint16)),
            Image.fromarray(np.array([[False, True, True]])),
            coloured([[BLACK, (0, 0, 1), WHITE]]),
            with_palette([[1, 2, 0]], [WHITE, BLACK, RED]),
        ],
        ids=["grey", "16 bits", "two tones", "colour", "palette"],
    )
    def test_whatever_is_not_black_is_marked(self, tmp_path, picture):
        assert read_mask(saved(tmp_path, picture)).tolist() == [[False, True, True]]

    def test_what_is_wholly_transparent_is_not_marked(self, tmp_path):
        picture = coloured([[WHITE, WHITE, BLACK]], "RGBA")
        picture.putalpha(Image.fromarray(np.array([[0, 1, 255]], np.uint8)))
        assert read_mask(saved(tmp_path, picture)).tolist() == [[False, True, False]]
