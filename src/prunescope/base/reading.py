"""How are images read while the network is busy with the ones before?"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from prunescope.base.devices import usable_cores

Item = TypeVar("Item")
Made = TypeVar("Made")

_MOST_THREADS = 8


def read_ahead(
    read: Callable[[Item], Made],
    items: Iterable[Item],
    *,
    threads: int | None = None,
    ahead: int | None = None,
) -> Generator[Made, None, None]:
    """Return read(item) for every item, in order, the next ones being read in the background.

    threads: None takes one for each core, at most 8. ahead: how many items are under way or
    waiting to be taken; None takes as many as there are threads.
    What `read` raises is raised in its turn.
    """
    threads = threads or min(_MOST_THREADS, usable_cores())
    ahead = ahead or threads
    with ThreadPoolExecutor(threads, thread_name_prefix="read-ahead") as pool:
        under_way: deque[Future[Made]] = deque()
        try:
            for item in items:
                under_way.append(pool.submit(read, item))
                if len(under_way) > ahead:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()
