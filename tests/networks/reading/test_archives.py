"""Is a checkpoint refused that is no longer as torch wrote it?"""

import zipfile
from pathlib import Path

import pytest
import torch

from prunescope.base.errors import DataError
from prunescope.networks.reading.stored import load_torch, read_stored

STATE = {"a.weight": torch.arange(12.0).reshape(4, 3), "b.weight": torch.ones(2, 2)}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.save(STATE, tmp_path / "weights.pth")
    return tmp_path / "weights.pth"


def test_any_flipped_bit_of_a_weight_is_noticed(saved):
    whole = saved.read_bytes()
    first = whole.index(STATE["a.weight"].numpy().tobytes())
    for bit in range(8 * first, 8 * (first + 48)):
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        saved.write_bytes(content)
        with pytest.raises(DataError, match=r"its part weights/data/0 is not as it was written"):
            read_stored(saved)


def test_an_archive_that_states_no_checksums_is_read(saved):
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(STATE, saved)
    finally:
        torch.serialization.set_crc32_options(True)
    read = read_stored(saved).state
    assert all(torch.equal(read[name], STATE[name]) for name in STATE)


def test_an_archive_that_unpacks_to_far_more_than_it_is_is_refused(saved):
    with zipfile.ZipFile(saved, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights/data/9", bytes(20 << 20))
    with pytest.raises(DataError, match="unpacks to 100 times its size"):
        load_torch(saved)
