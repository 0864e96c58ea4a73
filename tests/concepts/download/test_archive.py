"""Is every archive that could do harm refused whole, and every other one unpacked as it is?"""

import subprocess
import sys
import warnings
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from concepts.packing import DEVICE, LINK, PIPE, archive_of, entry, lying, packed, with_flag
from concepts.worlds import FILES, write_folder
from prunescope.base.errors import DataError
from prunescope.concepts.download.archive import Limits, unpack

GOOD = ("good.txt", b"good")


def saved(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    return path


def refusal(tmp_path: Path, content: bytes, limits: Limits | None = None) -> str:
    """Unpack what must be refused, and say why it was."""
    (tmp_path / "in").mkdir()
    with pytest.raises(DataError) as caught:
        unpack(saved(tmp_path, content), tmp_path / "in" / "out", limits=limits or Limits())
    assert "a.zip" in str(caught.value)
    return str(caught.value)


def untouched(tmp_path: Path) -> bool:
    return not any((tmp_path / "in").iterdir())


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_was_packed_is_unpacked(tmp_path, method):
    content = archive_of(("x/", b""), ("x/a.txt", b"abc"), ("empty", b""), GOOD, method=method)
    unpack(saved(tmp_path, content), tmp_path / "out")
    expected = {"x/a.txt": b"abc", "empty": b"", "good.txt": b"good"}
    assert contents(tmp_path / "out") == expected


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "x/../../y",
        "..",
        "/etc/x",
        "//x",
        "C:/x",
        "C:x",
        "..\\x",
        "x\\..\\y",
        "\\x",
        ".",
        "./",
    ],
)
def test_a_path_that_leads_outside_has_the_whole_refused(tmp_path, name):
    said = refusal(tmp_path, archive_of(GOOD, (entry(name), b"x")))
    assert "leads outside" in said or "no relative path" in said
    assert untouched(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "in"]


@pytest.mark.parametrize(
    ("kind", "said"), [(LINK, "a link"), (DEVICE, "a device"), (PIPE, "a pipe")]
)
@pytest.mark.parametrize("system", [0, 3])
def test_what_is_no_plain_file_has_the_whole_refused(tmp_path, kind, said, system):
    special = entry("special", kind)
    special.create_system = system
    assert f'"special" is {said}' in refusal(tmp_path, archive_of(GOOD, (special, b"/etc/passwd")))
    assert untouched(tmp_path)


def test_a_link_by_the_name_of_a_folder_is_refused(tmp_path):
    assert "a link" in refusal(tmp_path, archive_of(GOOD, (entry("x/", LINK), b"")))


@pytest.mark.parametrize("names", [("a", "a"), ("a", "A"), ("x/a", "x//a"), ("\u00e9", "e\u0301")])
def test_a_name_that_stands_twice_has_the_whole_refused(tmp_path, names):
    with warnings.catch_warnings(action="ignore"):  # zipfile's, of writing such an archive
        content = archive_of(*((name, b"x") for name in names))
    assert "stands in it twice" in refusal(tmp_path, content)
    assert untouched(tmp_path)


def test_a_file_that_is_a_folder_too_has_the_whole_refused(tmp_path):
    content = archive_of(("x/a", b"1"), ("x/a/b", b"2"))
    assert '"x/a" is both a file and a folder' in refusal(tmp_path, content)
    assert untouched(tmp_path)


def test_an_encrypted_file_has_the_whole_refused(tmp_path):
    assert "is encrypted" in refusal(tmp_path, with_flag(archive_of(GOOD), 1))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_another_packing_than_deflate_is_refused(tmp_path, method):
    assert f"by method {method}" in refusal(tmp_path, archive_of(GOOD, method=method))


class TestBombs:
    def test_a_file_that_unpacks_to_a_thousandfold_is_refused(self, tmp_path):
        said = refusal(tmp_path, archive_of(GOOD, ("bomb", bytes(20_000_000))))
        assert '"bomb" unpacks from 19,' in said
        assert "it is a bomb" in said
        assert untouched(tmp_path)

    def test_small_files_may_shrink_much(self, tmp_path):
        unpack(saved(tmp_path, archive_of(("flat", bytes(1_000_000)))), tmp_path / "out")
        assert (tmp_path / "out" / "flat").stat().st_size == 1_000_000

    def test_many_small_files_are_limited_together(self, tmp_path):
        content = archive_of(*((str(n), bytes(1000)) for n in range(20)))
        assert "20,000 bytes, of 19,999" in refusal(tmp_path, content, Limits(size=19_999))
        assert untouched(tmp_path)

    def test_the_number_of_files_is_limited(self, tmp_path):
        content = archive_of(*((str(n), b"") for n in range(20)))
        assert "20 files, of 19" in refusal(tmp_path, content, Limits(files=19))

    def test_files_that_overlap_are_refused(self, tmp_path):
        kernel = archive_of(("a", bytes(range(256)) * 8), method=zipfile.ZIP_STORED)
        start = kernel.index(b"PK\x01\x02")
        end = kernel.index(b"PK\x05\x06")
        central = kernel[start:end]
        copies = [central.replace(b"a", bytes([98 + n]), 1) for n in range(9)]
        directory = central + b"".join(c[:46] + bytes([98 + n]) for n, c in enumerate(copies))
        tail = bytearray(kernel[end:])
        tail[8:10] = tail[10:12] = (10).to_bytes(2, "little")
        tail[12:16] = len(directory).to_bytes(4, "little")
        assert "overlap" in refusal(tmp_path, kernel[:start] + directory + bytes(tail))

    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    @pytest.mark.parametrize(("checked", "said"), [(100, "Bad CRC-32"), (101, "larger than it st")])
    def test_more_than_stated_is_refused_whatever_its_checksum(
        self, tmp_path, method, checked, said
    ):
        content = bytes(range(256)) * 40
        crc = zlib.crc32(content[:checked])
        assert said in refusal(tmp_path, lying(content, 100, crc, method))
        assert (tmp_path / "in" / "out" / "a").stat().st_size <= 100

    def test_less_than_stated_is_refused(self, tmp_path):
        content = bytes(range(256)) * 4
        said = refusal(tmp_path, lying(content, 1_100, zlib.crc32(content)))
        assert "smaller than it states" in said


class TestDamage:
    @pytest.mark.parametrize("kept", [0, 4, 100, -30])
    def test_a_truncated_archive_is_named(self, tmp_path, kept):
        assert "is damaged, or no zip archive" in refusal(tmp_path, packed_set(tmp_path)[:kept])

    def test_a_web_page_instead_of_an_archive_is_named(self, tmp_path):
        assert "no zip archive" in refusal(tmp_path, b"<html>Please log in</html>")

    def test_a_flipped_bit_of_a_picture_is_noticed(self, tmp_path):
        content = bytearray(archive_of(("a", bytes(range(256))), method=zipfile.ZIP_STORED))
        content[100] ^= 1
        assert "Bad CRC-32" in refusal(tmp_path, bytes(content))

    @settings(
        max_examples=150,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],  # each has its own folder
    )
    @given(data=st.data())
    def test_whatever_bytes_are_changed_it_is_refused_or_unpacks_within_the_folder(
        self, tmp_path_factory, data
    ):
        folder = tmp_path_factory.mktemp("changed")
        content = bytearray(archive_of(("x/a", b"abc" * 30), ("b", b"0123456789")))
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path = saved(folder, bytes(content))
        with suppress(DataError):
            unpack(path, folder / "out", limits=Limits(size=10_000))
        assert {path.name for path in folder.iterdir()} <= {"a.zip", "out"}
        for path in folder.rglob("*"):
            assert not path.is_symlink()
            assert path.is_dir() or path.stat().st_size <= 10_000


LIMITED = """
import resource, sys
from pathlib import Path
from prunescope.base.errors import StoreError
from prunescope.concepts.download.archive import unpack
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))
try:
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
except StoreError as error:
    print(error)
"""


@pytest.mark.long
def test_a_full_disk_is_said_in_one_message(tmp_path):
    path = saved(tmp_path, archive_of(GOOD, ("large", bytes(range(256)) * 40)))
    command = [sys.executable, "-c", LIMITED, str(path), str(tmp_path / "out")]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "out/large cannot be written: File too large" in ended.stdout
    assert "make room" in ended.stdout
    assert ended.stderr == ""


def packed_set(tmp_path: Path) -> bytes:
    return packed(write_folder(tmp_path / "set", FILES))
