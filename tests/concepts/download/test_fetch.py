"""Does a file come whole and unchanged from a server that cuts off, changes or lies?"""

import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prunescope.base.errors import DataError, DownloadError, StoreError
from prunescope.base.progress import Progress
from prunescope.concepts.download.fetch import Patience, fetch
from serving import (
    changed,
    cut,
    in_chunks,
    lie,
    moved,
    served,
    status,
    whole,
    without_ranges,
    without_tag,
)

CONTENT = random.Random(1).randbytes(700_000)
OTHER = random.Random(2).randbytes(700_000)
HASTY = Patience(attempts=3, wait=0.01, timeout=10)


class Heard(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_whole_and_leaves_nothing_beside_it(tmp_path):
    with served(CONTENT) as server:
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert left(tmp_path) == ["a.zip"]
    assert server.asked == [("/a.zip", None)]


def test_a_cut_connection_goes_on_where_it_was_cut(tmp_path):
    with served(CONTENT, cut(100_000), cut(250_000), whole) as server:
        heard = Heard()
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY, progress=heard)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert [given for _, given in server.asked] == [None, "bytes=100000-", "bytes=350000-"]
    assert "the connection was cut after 100,000 of 700,000 bytes" in heard.lines[0]


def test_cuts_that_each_bring_something_new_never_exhaust_patience(tmp_path):
    with served(CONTENT, *[cut(50_000)] * 20, whole) as server:
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_another_process_goes_on_with_what_has_come(tmp_path):
    with served(CONTENT, cut(300_000), cut(0)) as server:
        url = f"{server.address}/a.zip"
        with pytest.raises(DownloadError, match=r"3 times without anything new; 0\.3 MB are kept"):
            fetch(url, tmp_path / "a.zip", patience=HASTY)
        assert left(tmp_path) == ["a.zip.part", "a.zip.part.json"]
        server.answers[:] = [whole]
        program = (
            "import sys; from pathlib import Path\n"
            "from prunescope.concepts.download.fetch import fetch\n"
            "fetch(sys.argv[1], Path(sys.argv[2]))"
        )
        command = [sys.executable, "-c", program, url, str(tmp_path / "a.zip")]
        subprocess.run(command, check=True)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert server.asked[-1][1] == "bytes=300000-"


def test_a_server_that_ignores_ranges_sends_all_of_it_anew(tmp_path):
    with served(CONTENT, cut(300_000), without_ranges) as server:
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert server.asked[1][1] == "bytes=300000-"


@pytest.mark.parametrize("other", [OTHER, OTHER[:500_000], OTHER[:200_000], OTHER + b"more"])
def test_a_file_that_changes_between_attempts_is_fetched_anew(tmp_path, other):
    with served(CONTENT, cut(300_000), changed(other)) as server:
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY)
    assert (tmp_path / "a.zip").read_bytes() == other


def test_a_changed_file_is_known_although_the_server_ignores_the_condition(tmp_path):
    def careless(handler) -> None:
        start = int((handler.headers["Range"] or "bytes=0-")[6:-1])
        handler.send(start=start, length=len(handler.script.content) - start)

    with served(CONTENT, cut(300_000), changed(OTHER, careless), careless) as server:
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY)
    assert (tmp_path / "a.zip").read_bytes() == OTHER
    assert [given for _, given in server.asked] == [None, "bytes=300000-", None]


def test_a_server_without_tags_goes_on_and_another_length_begins_anew(tmp_path):
    with served(CONTENT, without_tag(300_000), without_tag()) as server:
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert server.asked[1][1] == "bytes=300000-"
    longer = OTHER + b"more"
    with served(CONTENT, without_tag(300_000), changed(longer, without_tag())) as server:
        fetch(f"{server.address}/a.zip", tmp_path / "b.zip", patience=HASTY)
    assert (tmp_path / "b.zip").read_bytes() == longer


def test_a_part_from_another_address_is_not_gone_on_with(tmp_path):
    with served(CONTENT, cut(300_000), cut(0)) as server, pytest.raises(DownloadError):
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY)
    with served(OTHER) as server:
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY)
    assert (tmp_path / "a.zip").read_bytes() == OTHER
    assert server.asked == [("/a.zip", None)]


def test_less_than_promised_is_never_taken_for_the_whole(tmp_path):
    with served(CONTENT, lie(+5)) as server, pytest.raises(DownloadError) as caught:
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY)
    assert "the connection was cut after 700,000 of 700,005 bytes" in str(caught.value)
    assert "a.zip" not in left(tmp_path)


def test_more_than_promised_is_never_taken_for_the_whole(tmp_path):
    with served(CONTENT, lie(-5)) as server, pytest.raises(DownloadError) as caught:
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY)
    assert "the server sent more than the 699,995 bytes it promised" in str(caught.value)
    assert left(tmp_path) == []


def test_a_passing_lie_does_no_harm(tmp_path):
    with served(CONTENT, lie(+5), lie(-5), whole) as server:
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_file_without_a_stated_length_comes_whole(tmp_path):
    with served(CONTENT, in_chunks(400_000), in_chunks()) as server:
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


@pytest.mark.parametrize("code", [408, 429, 500, 503])
def test_a_passing_refusal_is_tried_again(tmp_path, code):
    with served(CONTENT, status(code), status(code), whole) as server:
        heard = Heard()
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY, progress=heard)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert [f"the server answers {code}" in line for line in heard.lines] == [True, True]
    assert [line.rpartition(" in ")[2] for line in heard.lines] == ["0.01 s", "0.02 s"]


def test_a_lasting_refusal_ends_when_patience_does(tmp_path):
    with served(CONTENT, status(500)) as server, pytest.raises(DownloadError, match="500"):
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY)
    assert len(server.asked) == 3
    assert left(tmp_path) == []


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_a_refusal_for_good_is_not_tried_again(tmp_path, code):
    with (
        served(CONTENT, status(code)) as server,
        pytest.raises(DataError, match=rf"/a\.zip cannot be fetched: the server answers {code}"),
    ):
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY)
    assert len(server.asked) == 1
    assert left(tmp_path) == []


def test_nobody_there_is_said_after_some_attempts(tmp_path):
    with served(CONTENT) as server:
        pass
    with pytest.raises(DownloadError, match=r"cannot be reached \(.*refused.*\), 3 times"):
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY)


def test_a_silent_server_is_given_up(tmp_path):
    wake = threading.Event()

    def silent(handler) -> None:
        handler.send(start=0, length=700_000, sent=100_000)
        wake.wait(20)

    quick = Patience(attempts=1, timeout=0.2)
    with served(CONTENT, silent) as server:
        with pytest.raises(DownloadError, match=r"fell silent.*0\.1 MB are kept"):
            fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=quick)
        wake.set()


def test_a_moved_file_is_followed(tmp_path):
    with served(CONTENT, moved, whole) as server:
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert server.asked[1][0] == "/elsewhere.zip"


def test_a_file_larger_than_the_disk_is_refused_before_it_comes(tmp_path):
    def huge(handler) -> None:
        handler.send(start=0, length=10**18)

    with served(CONTENT, huge) as server, pytest.raises(StoreError, match=r"needs 1,000,0.* MB"):
        fetch(f"{server.address}/a.zip", tmp_path / "a.zip", patience=HASTY)
    assert left(tmp_path) == []


LIMITED = """
import resource, sys
from pathlib import Path
from prunescope.base.errors import StoreError
from prunescope.concepts.download.fetch import fetch
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    fetch(sys.argv[1], Path(sys.argv[2]))
except StoreError as error:
    print(error)
"""


def test_a_full_disk_keeps_what_has_come_and_room_lets_it_go_on(tmp_path):
    with served(CONTENT) as server:
        url, path = f"{server.address}/a.zip", tmp_path / "a.zip"
        command = [sys.executable, "-c", LIMITED, url, str(path)]
        ended = subprocess.run(command, check=True, capture_output=True, text=True)
        assert "a.zip.part cannot be written: File too large; what has come is kept" in ended.stdout
        assert (tmp_path / "a.zip.part").read_bytes() == CONTENT[:300_000]
        fetch(url, path, patience=HASTY)
    assert path.read_bytes() == CONTENT
    assert server.asked[-1][1] == "bytes=300000-"


@pytest.mark.long
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    answers=st.lists(
        st.one_of(
            st.integers(0, 300_000).map(cut),
            st.sampled_from([+7, -7]).map(lie),
            st.sampled_from([408, 500]).map(status),
            st.just(changed(OTHER)),
            st.just(changed(CONTENT, cut(200_000))),
            st.just(without_ranges),
        ),
        max_size=6,
    )
)
def test_whatever_a_server_does_only_a_whole_file_comes_of_it(tmp_path_factory, answers):
    path = tmp_path_factory.mktemp("any") / "a.zip"
    with served(CONTENT, *answers, whole) as server:
        fetch(f"{server.address}/a.zip", path, patience=Patience(attempts=9, wait=0.001))
    assert path.read_bytes() in (CONTENT, OTHER)
