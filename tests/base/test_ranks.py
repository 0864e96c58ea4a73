"""Do several processes divide what there is, and know which of them speaks?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunescope.base import devices
from prunescope.base.ranks import ALONE, Ranks, is_first, joined, processes_here


@given(count=st.integers(0, 300), processes=st.integers(1, 9))
def test_parts_are_neighbours_without_gap_and_differ_in_size_by_one(count, processes):
    parts = [
        range(count)[Ranks(rank=rank, count=processes).part_of(count)] for rank in range(processes)
    ]
    assert [each for part in parts for each in part] == list(range(count))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_without_torchrun_there_is_one_process_which_speaks():
    with joined() as ranks:
        assert ranks == ALONE
    assert ranks.first("word") == "word"
    assert ranks.gather(3) == [3]
    assert is_first()
    assert processes_here() == 1


@pytest.mark.parametrize(("rank", "speaks"), [("0", True), ("1", False)])
def test_of_processes_that_torchrun_started_the_first_speaks(monkeypatch, rank, speaks):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("RANK", rank)
    assert is_first() == speaks


def test_processes_on_one_machine_share_its_cores(monkeypatch):
    cores = devices.usable_cores()
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert devices.usable_cores() == max(1, cores // 2)
