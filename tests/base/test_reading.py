"""Does reading ahead change nothing but the time?"""

import os
import threading

import pytest

from prunescope.base.reading import read_ahead


def test_items_come_in_order():
    assert list(read_ahead(lambda item: item**2, range(50))) == [item**2 for item in range(50)]


def test_the_next_item_is_read_while_the_first_is_used():
    begun = threading.Event()

    def read(item):
        if item == 1:
            begun.set()
        return item

    items = read_ahead(read, range(3))
    assert next(items) == 0
    assert begun.wait(timeout=10)
    items.close()


def test_a_failure_is_raised_in_its_turn():
    def read(item):
        if item == 2:
            raise ValueError("item 2")
        return item

    items = read_ahead(read, range(20))
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(ValueError, match="item 2"):
        next(items)


def test_cores_that_this_process_may_not_use_do_not_read(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0}, raising=False)
    read = []
    items = read_ahead(lambda item: read.append(item) or item, range(1000))
    next(items)
    items.close()
    assert len(read) <= 2


def test_no_more_than_a_few_items_are_read_before_they_are_wanted():
    read = []
    items = read_ahead(lambda item: read.append(item) or item, range(1000))
    next(items)
    items.close()
    assert len(read) < 20
