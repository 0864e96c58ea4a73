"""Can the C library be told to keep what is freed?"""

import platform

import pytest

from prunescope.base.allocator import keep_freed_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt so")
def test_glibc_takes_both_thresholds_however_often_it_is_told() -> None:
    assert keep_freed_memory()
    assert keep_freed_memory()


def test_another_system_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert not keep_freed_memory()
