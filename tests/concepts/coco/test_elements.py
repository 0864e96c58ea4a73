"""Is a JSON file that is read by pieces the same as one that is read at once?"""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prunescope.base.errors import DataError
from prunescope.concepts.coco import elements as room
from prunescope.concepts.coco.elements import elements

LISTS = frozenset({"images", "annotations"})


def read(path):
    return list(elements(path, LISTS))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each writes all it reads
)
@given(
    images=st.lists(VALUES, max_size=5),
    annotations=st.lists(VALUES, max_size=5),
    other=VALUES,
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 1]),
    piece=st.integers(1, 40),
)
def test_elements_and_their_bytes_are_those_of_the_file(
    tmp_path, monkeypatch, images, annotations, other, ascii_only, indent, piece
):
    monkeypatch.setattr(room, "_PIECE", piece)
    content = {"annotations": annotations, "other": other, "images": images}
    path = tmp_path / "a.json"
    text = json.dumps(content, ensure_ascii=ascii_only, indent=indent)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    found = read(path)
    assert [e.decoded() for e in found if e.key == "annotations"] == annotations
    assert [e.decoded() for e in found if e.key == "images"] == images
    stored = path.read_bytes()
    for element in found:
        end = element.offset + len(element.text)
        assert stored[element.offset : end] == element.text.encode("latin-1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "ends too early"),
        ("[1, 2]", "is no JSON object"),
        ("nonsense", "is no JSON object"),
        ('{"images": [1, 2', "ends too early"),
        ('{"images": [1 2]}', "needs a comma or ]"),
        ('{"images": [{"id": }]}', r"Expecting value \(at byte 19\)"),
        ('{"images": [nul]}', "is no JSON"),
        ('{"images": {"id": 1}}', '"images" must be a list'),
        ('{"images": []} more', "goes on after its end"),
        ('{"images": [], "images": []}', 'has "images" twice'),
        ('{"images" [1]}', "a member has no name"),
        ('{"images": ["open]}', "ends too early"),
        ('{"images": [{"id": 1, "of', "ends too early"),
        ('{"images": [{"id": 1', "ends too early"),
        ('{"images": [' + "[" * 100_000 + "]}", "nested too deeply"),
        ('{"images": [' + "9" * 5000 + "]}", "digits"),
    ],
)
def test_what_is_no_such_file_is_refused_with_the_place(tmp_path, text, said):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError, match=said) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_mark_of_the_byte_order_is_passed_over(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf{"images": [1]}')
    assert [element.value for element in read(path)] == [1]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.json does not exist"):
        read(tmp_path / "nowhere.json")
