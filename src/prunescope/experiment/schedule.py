"""When is work done whose pieces wait for one another, on so many processes?"""

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush


def makespan(
    seconds: Mapping[str, float], after: Mapping[str, Sequence[str]], workers: int
) -> float:
    """Return the seconds until every piece is done where a free worker takes the first it can.

    seconds: of each piece, by its name, in the order in which they are begun where several can be.
    after: the pieces that each needs; one that `seconds` lacks is done already.
    """
    names = list(seconds)
    needs = {name: {each for each in after[name] if each in seconds} for name in names}
    followers: dict[str, list[int]] = {name: [] for name in names}
    for number, name in enumerate(names):
        for needed in needs[name]:
            followers[needed].append(number)
    ready = [number for number, name in enumerate(names) if not needs[name]]  # a heap, as sorted
    running: list[tuple[float, int]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < workers:
            number = heappop(ready)
            heappush(running, (now + seconds[names[number]], number))
        now, done = heappop(running)
        for number in followers[names[done]]:
            needs[names[number]].discard(names[done])
            if not needs[names[number]]:
                heappush(ready, number)
    return now


def fewest_workers(
    seconds: Mapping[str, float], after: Mapping[str, Sequence[str]], workers: int
) -> int:
    """Return how few workers take as long as so many, to a hundredth."""
    longest = 1.01 * makespan(seconds, after, workers)
    low, high = 1, workers
    while low < high:
        middle = (low + high) // 2
        if makespan(seconds, after, middle) <= longest:
            high = middle
        else:
            low = middle + 1
    return low
