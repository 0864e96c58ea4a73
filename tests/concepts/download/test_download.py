"""Does Broden come from a server or a file onto this disk whole, or not at all?"""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from commands import Prunescope
from concepts.packing import LINK, archive_of, entry, packed
from concepts.worlds import FILES, encoded, write_folder
from prunescope.base.errors import ConfigError, DataError, DownloadError, RunBusyError
from prunescope.concepts.download import download_broden
from prunescope.concepts.download.fetch import Patience
from prunescope.concepts.sources.broden import BrodenFolder
from serving import cut, served, status, whole

HASTY = Patience(attempts=3, wait=0.01, timeout=10)
Pack = Callable[..., bytes]


@pytest.fixture
def pack(tmp_path) -> Pack:
    """Return a function that packs the tiny folder, files replaced or left out."""

    def pack_set(changes=None, top="broden1_224/") -> bytes:
        folder = write_folder(tmp_path / "packed", {**FILES, **(changes or {})})
        return packed(folder, top)

    return pack_set


def broden_like(pixels: dict[str, int]) -> dict[str, object]:
    """Return what makes a folder call itself Broden: 1,197 labels, and maps of 112 x 112."""
    names = [*pixels, *(f"label{n}" for n in range(len(pixels), 1197))]
    rows = "".join(f"a.png,train,6,8,112,112,{name}.png\n" for name in pixels)
    table = "".join(f"{number},{name}\n" for number, name in enumerate(names, 1))
    maps = {}
    for number, (name, count) in enumerate(pixels.items(), 1):
        plane = np.zeros(112 * 112, int)
        plane[:count] = number
        maps[f"images/{name}.png"] = encoded(plane.reshape(112, 112))
    return {
        "index.csv": "image,split,ih,iw,sh,sw,object\n" + rows,
        "category.csv": "name\nobject\n",
        "label.csv": "number,name\n" + table,
        "c_object.csv": "number,coverage\n" + "".join(f"{n},1\n" for n in range(1, 1198)),
        **maps,
    }


def beside(out: Path) -> list[str]:
    return sorted(path.name for path in out.parent.iterdir() if path.name.startswith(out.name))


class TestDownloading:
    @pytest.mark.parametrize("top", ["broden1_224/", ""])
    def test_the_set_lies_in_the_folder_and_nothing_beside_it(self, pack, tmp_path, top):
        out = tmp_path / "out" / "broden"
        with served(pack(top=top)) as server:
            found, already = download_broden(out, source=server.address, patience=HASTY)
        assert not already
        assert beside(out) == ["broden"]
        assert (found.images, found.pixels) == (3, {})
        assert found.source == f"{server.address}/broden1_224.zip"
        ours, theirs = BrodenFolder.open(out), BrodenFolder.open(tmp_path / "packed")
        assert ours.fingerprint == theirs.fingerprint

    @pytest.mark.parametrize(
        ("path", "asked"),
        [
            ("", "/broden1_227.zip"),
            ("/data/", "/data/broden1_227.zip"),
            ("/data", "/data/broden1_227.zip"),
            ("/mine/set.zip", "/mine/set.zip"),
            ("/get?name=set", "/get?name=set"),
        ],
    )
    def test_an_address_is_of_an_archive_or_of_a_folder_of_them(self, pack, tmp_path, path, asked):
        with served(pack()) as server:
            source = server.address + path
            download_broden(tmp_path / "b", source=source, resolution=227, patience=HASTY)
        assert [path for path, _ in server.asked] == [asked]

    def test_an_archive_on_this_disk_is_unpacked_and_stays(self, pack, tmp_path):
        archive = tmp_path / "mine.zip"
        archive.write_bytes(pack())
        download_broden(tmp_path / "b", source=str(archive))
        assert archive.exists()
        assert beside(tmp_path / "b") == ["b"]
        assert BrodenFolder.open(tmp_path / "b").images == ("a.png", "b.png", "e.png")

    def test_a_folder_on_this_disk_serves_as_a_mirror(self, pack, tmp_path):
        (tmp_path / "broden1_384.zip").write_bytes(pack())
        found, _ = download_broden(tmp_path / "b", source=str(tmp_path), resolution=384)
        assert found.archive == "broden1_384.zip"

    def test_a_second_time_it_is_there_already_and_no_server_is_asked(self, pack, tmp_path):
        with served(pack()) as server:
            first, _ = download_broden(tmp_path / "b", source=server.address, patience=HASTY)
        second, already = download_broden(tmp_path / "b", source=server.address, patience=HASTY)
        assert already
        assert second == first
        assert len(server.asked) == 1

    def test_after_cuts_of_line_and_process_it_goes_on(self, pack, tmp_path):
        content, out = pack(), tmp_path / "b"
        with served(content, cut(400), cut(300), cut(0)) as server:
            with pytest.raises(DownloadError):
                download_broden(out, source=server.address, patience=HASTY)
            assert beside(out) == ["b.download"]
            server.answers[:] = [whole]
            download_broden(out, source=server.address, patience=HASTY)
        assert server.asked[-1][1] == "bytes=700-"
        assert beside(out) == ["b"]

    def test_a_process_killed_while_it_unpacks_leaves_what_the_next_one_finishes(
        self, pack, tmp_path
    ):
        out = tmp_path / "b"
        program = (
            "import os, sys; from pathlib import Path\n"
            "from prunescope.base.progress import Progress, Task\n"
            "from prunescope.concepts.download import download_broden\n"
            "from contextlib import nullcontext\n"
            "class Killed(Progress, Task):\n"
            "    def task(self, description, total, **_):\n"
            "        self.unpacks = 'Unpacking' in description\n"
            "        return nullcontext(self)\n"
            "    def advance(self, count=1, note=''):\n"
            "        if self.unpacks: os.kill(os.getpid(), 9)\n"
            "download_broden(Path(sys.argv[2]), source=sys.argv[1], progress=Killed())\n"
        )
        with served(pack()) as server:
            command = [sys.executable, "-c", program, server.address, str(out)]
            assert subprocess.run(command, check=False).returncode == -9
            assert beside(out) == ["b.download"]
            assert list((tmp_path / "b.download").glob("unpacked.*"))
            download_broden(out, source=server.address, patience=HASTY)
        assert len(server.asked) == 1
        assert beside(out) == ["b"]

    def test_two_at_once_do_not_disturb_each_other(self, pack, tmp_path):
        out, asked, wake = tmp_path / "b", threading.Event(), threading.Event()

        def slow(handler) -> None:
            asked.set()
            wake.wait(20)
            whole(handler)

        with served(pack(), slow) as server:
            words = {"source": server.address, "patience": HASTY}
            first = threading.Thread(target=download_broden, args=(out,), kwargs=words)
            first.start()
            asked.wait(20)
            with pytest.raises(RunBusyError, match=r"b\.download is being written by process"):
                download_broden(out, **words)
            wake.set()
            first.join()
        assert beside(out) == ["b"]


class TestTotals:
    def test_a_set_that_calls_itself_broden_must_have_its_pixels(self, pack, tmp_path, monkeypatch):
        pixels = {"black-c": 12, "cat": 7, "labyrinth": 3}
        with served(pack(broden_like(pixels))) as server:
            with pytest.raises(DataError) as caught:
                download_broden(tmp_path / "b", source=server.address, patience=HASTY)
            said = str(caught.value)
            assert "is not Broden as it was published" in said
            assert "Broden 1 has 4,163,987 pixels of cat; this folder has 7" in said
            assert f"fetched from {server.address}/broden1_224.zip, and removed again" in said
            assert beside(tmp_path / "b") == []
            monkeypatch.setattr("prunescope.concepts.totals._BRODEN_PIXELS", pixels)
            found, _ = download_broden(tmp_path / "b", source=server.address, patience=HASTY)
        assert found.pixels == pixels


class TestRefusing:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"<html>Sorry</html>", "no zip archive"),
            (archive_of(("x/index.csv", b"image"), ("../evil", b"x")), "leads outside"),
            (archive_of((entry("link", LINK), b"/etc")), "a link"),
            (archive_of(("bomb", bytes(20_000_000))), "a bomb"),
            (archive_of(("readme.txt", b"x")), "holds 0 index.csv"),
            (archive_of(("a/index.csv", b""), ("b/index.csv", b"")), "holds 2 index.csv"),
            (archive_of(("a/index.csv", b"")), "no sound set in Broden's layout"),
        ],
    )
    def test_an_unsafe_or_foreign_archive_leaves_nothing(self, tmp_path, content, said):
        out = tmp_path / "b"
        with served(content) as server, pytest.raises(DataError) as caught:
            download_broden(out, source=server.address, patience=HASTY)
        assert said in str(caught.value)
        assert list(tmp_path.iterdir()) == []
        archive = tmp_path / "mine.zip"
        archive.write_bytes(content)
        with pytest.raises(DataError, match=r"mine\.zip"):
            download_broden(out, source=str(archive))
        assert list(tmp_path.iterdir()) == [archive]

    def test_a_truncated_archive_is_refused_although_it_came_whole(self, pack, tmp_path):
        with served(pack()[:-40]) as server, pytest.raises(DataError, match="damaged"):
            download_broden(tmp_path / "b", source=server.address, patience=HASTY)
        assert beside(tmp_path / "b") == []

    def test_an_archive_that_lacks_a_picture_is_refused(self, pack, tmp_path):
        with (
            served(pack({"images/b.png": None})) as server,
            pytest.raises(DataError, match=r"b\.png cannot be read: No such file"),
        ):
            download_broden(tmp_path / "b", source=server.address, patience=HASTY)
        assert beside(tmp_path / "b") == []

    def test_a_folder_with_something_else_is_left_alone(self, tmp_path):
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "letter.txt").write_text("dear")
        with pytest.raises(ConfigError, match="was not downloaded: give another folder"):
            download_broden(tmp_path / "b", source="http://127.0.0.1:9")
        assert beside(tmp_path / "b") == ["b"]

    def test_a_folder_with_another_resolution_is_left_alone(self, pack, tmp_path):
        with served(pack()) as server:
            download_broden(tmp_path / "b", source=server.address, patience=HASTY)
            with pytest.raises(ConfigError, match=r"holds broden1_224\.zip, not broden1_227\.zip"):
                download_broden(tmp_path / "b", source=server.address, resolution=227)

    @pytest.mark.parametrize(
        ("source", "said"),
        [
            ("ftp://example.org/a.zip", "no address to fetch from"),
            ("file:///etc/passwd", "no address to fetch from"),
            ("http:///a.zip", "no address to fetch from"),
            ("http://[/a.zip", "no address to fetch from"),
            ("no/such/file.zip", "there is no file"),
        ],
    )
    def test_a_source_that_cannot_be_is_refused(self, tmp_path, source, said):
        with pytest.raises(ConfigError, match=said):
            download_broden(tmp_path / "b", source=source)
        assert list(tmp_path.iterdir()) == []

    def test_a_resolution_that_is_not_published_is_told_those_there_are(self, tmp_path):
        with pytest.raises(ConfigError, match=r"resolution is 225, but .* 224, 227, 384"):
            download_broden(tmp_path / "b", resolution=225)


class TestCommand:
    def test_it_downloads_and_says_what_came(self, prunescope: Prunescope, pack, tmp_path):
        out = tmp_path / "b"
        with served(pack(), cut(400), status(500), whole) as server:
            words = ["concepts", "download", "broden", "--out", out, "--from", server.address]
            ended = prunescope(*words)
            assert ended.status == 0, ended.err
            assert f"broden:{out} is ready: broden1_224.zip, 3 labelled images" in ended.out
            assert "the connection was cut after 400 of" in ended.err
            assert "trying again in 1 s" in ended.err
            again = prunescope(*words, "--json")
        assert json.loads(again.out)["already"] is True
        assert prunescope("concepts", "check", f"broden:{out}").status == 0

    @pytest.mark.parametrize(
        ("words", "status", "said"),
        [
            (["brodden"], 2, 'did you mean "broden"'),
            (["broden", "--resolution", "100"], 2, "224, 227, 384"),
            (["broden", "--from", "gopher://x"], 2, "http://"),
        ],
    )
    def test_wrong_words_are_refused(self, prunescope, tmp_path, words, status, said):
        ended = prunescope("concepts", "download", *words, "--out", tmp_path / "b")
        assert ended.status == status
        assert said in ended.err
        assert list(tmp_path.iterdir()) == []

    def test_what_the_server_does_not_have_is_the_users_to_mend(self, prunescope, tmp_path):
        with served(b"", status(404)) as server:
            words = ["--out", tmp_path / "b", "--from", server.address]
            ended = prunescope("concepts", "download", "broden", *words)
        assert ended.status == 2
        assert f"{server.address}/broden1_224.zip cannot be fetched" in ended.err
        assert "404" in ended.err
        assert list(tmp_path.iterdir()) == []

    def test_a_full_disk_is_one_message_and_status_1(self, pack, tmp_path):
        out = tmp_path / "b"
        program = (
            "import resource, sys; from prunescope.cli import main\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))\n"
            "main()"
        )
        with served(pack()) as server:
            words = ["concepts", "download", "broden", "--out", str(out), "--from", server.address]
            ended = subprocess.run(
                [sys.executable, "-c", program, *words], check=False, capture_output=True, text=True
            )
        assert ended.returncode == 1
        (line,) = ended.stderr.splitlines()
        assert "cannot be written: File too large; what has come is kept: make room" in line
        kept = tmp_path / "b.download" / "broden1_224.zip.part"
        assert kept.stat().st_size == 500


@pytest.mark.slow
@pytest.mark.real
def test_real_photographs_come_through_a_bad_line_as_they_are(shared, tmp_path):
    folder = shared / "data" / "minibroden_224"
    content = packed(folder, "minibroden_224/")
    with served(content, *[cut(7_000_000)] * 3, whole) as server:
        found, _ = download_broden(tmp_path / "b", source=server.address, patience=HASTY)
    assert found.images == 2000
    assert BrodenFolder.open(tmp_path / "b").fingerprint == BrodenFolder.open(folder).fingerprint
