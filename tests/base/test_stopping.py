"""Is what must end before a process stops let end, and is everything else cut short?"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from prunescope.base.stopping import Stopped, interruptible, stop_if_told, stoppable, uninterrupted

USR1 = signal.SIGUSR1


def tell() -> None:
    """Tell this process to stop."""
    os.kill(os.getpid(), USR1)


def stopped(block: Callable[[list[str]], None]) -> tuple[int, list[str]]:
    """Do a block in which this process is told to stop; return the status and what it did."""
    done: list[str] = []
    with pytest.raises(Stopped) as raised, stoppable([USR1]):
        block(done)
    return raised.value.status, done


def test_a_signal_stops_a_block_where_it_is_with_its_status():
    def block(done: list[str]) -> None:
        done.append("before")
        tell()
        done.append("after")

    assert stopped(block) == (128 + USR1, ["before"])


def test_what_is_uninterrupted_ends_before_that():
    def block(done: list[str]) -> None:
        with uninterrupted():
            tell()
            done.append("inner")
        done.append("outer")

    assert stopped(block)[1] == ["inner"]


def test_part_of_it_may_be_cut_short():
    def block(done: list[str]) -> None:
        with uninterrupted():
            with interruptible():
                done.append("before")
                tell()
                done.append("after")
            done.append("behind")

    assert stopped(block)[1] == ["before"]


def test_a_look_says_whether_to_stop():
    def block(done: list[str]) -> None:
        with uninterrupted():
            stop_if_told()
            tell()
            done.append("held back")
            stop_if_told()
            done.append("not heard")

    assert stopped(block)[1] == ["held back"]


def test_a_block_around_it_holds_back_both():
    def block(done: list[str]) -> None:
        with uninterrupted():
            with uninterrupted():
                tell()
                stop_if_told()
                with interruptible():
                    done.append("still here")
            done.append("and here")

    assert stopped(block)[1] == ["still here", "and here"]


def test_nothing_is_left_of_one_stop_for_the_next():
    for _ in range(2):
        assert stopped(lambda done: tell())[1] == []
    with stoppable([USR1]), uninterrupted():
        stop_if_told()


STUBBORN = """
import time
from contextlib import nullcontext
from prunescope.base.stopping import Stopped, stoppable, uninterrupted

with stoppable(seconds=2.5), {held}:
    for word in ("ready", "told", "and told"):
        try:
            print(word, flush=True)
            time.sleep(60)
        except Stopped:
            pass
"""


@pytest.mark.long
@pytest.mark.parametrize("held", ["nullcontext()", "uninterrupted()"])
def test_a_process_that_will_not_stop_is_ended(held: str):
    program = STUBBORN.format(held=held)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    assert time.monotonic() - told >= (1.5 if held == "nullcontext()" else 2.5)
