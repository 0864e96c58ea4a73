"""Is the interface found by which a host is reached?"""

import sys

import pytest

from prunescope.base.interfaces import interface_to

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="interfaces are told by Linux")


def test_this_machine_reaches_itself_by_its_loopback() -> None:
    assert interface_to("127.0.0.1") == "lo"


def test_of_what_is_no_host_nothing_is_known() -> None:
    assert interface_to("256.0.0.1") is None
