"""Does an archive, whatever is in it, unpack to its own files in its own folder, or to nothing?"""

import io
import stat
import zipfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from warnings import catch_warnings, simplefilter

from hypothesis import strategies as st

from concepts.packing import DEVICE, FILE, LINK, PIPE, archive_of, entry
from fuzz.trying import HOSTILE_TEXTS, made_of, mutated, texts, tried, try_each
from prunescope.base.errors import StoreError
from prunescope.concepts.download.archive import Limits, unpack

LIMITS = Limits(size=1 << 22, files=50)
NAMES = st.sampled_from(
    [
        *("a", "a/b", "a/b/c.png", "A", "a/", "./a", "a/./b", "a//b", "../a", "a/../../b", "/a"),
        *("..\\a", "C:/a", "a\0b", "a/..", "...", "é", "e\u0301", "ß", "ss", "~/a", "a" * 300, "/"),
    ]
)
ENTRIES = st.lists(
    st.tuples(
        NAMES | st.sampled_from(HOSTILE_TEXTS).filter(bool) | texts().filter(bool),
        st.sampled_from([FILE, FILE, FILE, LINK, DEVICE, PIPE, stat.S_IFDIR, 0]),
        st.binary(max_size=30) | st.just(bytes(1 << 21)),
    ),
    max_size=5,
)


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return every file and folder below a folder, with the files' content."""
    found = sorted(folder.rglob("*"))
    assert not any(path.is_symlink() for path in found)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in found
    }


def check_archive(room: Path, content: bytes) -> None:
    """Unpack an archive in a room, in which nothing else may change."""
    for path in sorted(room.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (room / "work").mkdir(parents=True, exist_ok=True)
    (room / "beside").write_text("untouched")
    (room / "archive.zip").write_bytes(content)
    done: bool | None = None
    with suppress(StoreError):  # of what the file system does not take, such as a long name
        unpack_it = partial(unpack, room / "archive.zip", room / "work/out", limits=LIMITS)
        done = made_of(lambda: unpack_it() or True)
    others = {name for name in tree(room) if not name.startswith("work/out")}
    assert others == {"archive.zip", "beside", "work"}
    assert (room / "beside").read_text() == "untouched"
    if done is None:
        return
    unpacked = tree(room / "work/out")
    assert sum(len(part) for part in unpacked.values() if part) <= LIMITS.size
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        stated = {i.filename: archive.read(i) for i in archive.infolist() if not i.is_dir()}
    files = {name: part for name, part in unpacked.items() if part is not None}
    assert files == {Path(name).as_posix(): part for name, part in stated.items()}


@tried
def test_entries_of_any_name_and_kind_stay_inside(tmp_path: Path, examples: int) -> None:
    def check(drawn: list[tuple[str, int, bytes]]) -> None:
        entries = [(entry(name, kind), content) for name, kind, content in drawn]
        with catch_warnings():
            simplefilter("ignore")  # of a name that stands twice
            content = archive_of(*entries)
        check_archive(tmp_path, content)

    try_each(examples, ENTRIES, check)


@tried
def test_a_damaged_archive_is_refused_or_whole(tmp_path: Path, examples: int) -> None:
    whole = archive_of(("a/b.txt", b"some text" * 20), ("a/c.png", b"\x89PNG" * 9), ("d", b""))
    tokens = (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"../", b"/", b"\xff" * 4, b"\0" * 8, b"a/b.txt")
    try_each(examples, mutated(whole, tokens), lambda content: check_archive(tmp_path, content))
