"""Does a run count every verdict over another number of replicates once?"""

import json

import pytest

from prunescope.base.errors import DamagedArtifact
from prunescope.results.layout import LOOKS
from prunescope.results.looks import count_look, looks_of


def test_a_look_is_counted_once_for_each_number_of_replicates(tmp_path):
    assert looks_of(tmp_path) == []
    assert [count_look(tmp_path, count) for count in (3, 3, 5, 3, 9, 5)] == [1, 1, 2, 1, 3, 2]
    assert looks_of(tmp_path) == [3, 5, 9]


@pytest.mark.parametrize("text", ["", "[]", '{"replicates": [-1]}', '{"replicates": "3"}'])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / LOOKS).write_text(text)
    with pytest.raises(DamagedArtifact, match=r"looks\.json is damaged"):
        looks_of(tmp_path)


def test_a_changed_number_is_noticed(tmp_path):
    count_look(tmp_path, 3)
    record = json.loads((tmp_path / LOOKS).read_text())
    (tmp_path / LOOKS).write_text(json.dumps(record | {"replicates": [4]}))
    with pytest.raises(DamagedArtifact, match="checksum"):
        looks_of(tmp_path)
