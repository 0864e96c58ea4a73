"""How do pairs of channels that go together become numbered groups?"""

from collections.abc import Callable, Mapping

import numpy as np

from prunescope.pruning.filters.groups import NO_GROUP, CoupledSet

End = tuple[str, str]
"""A layer, and whether its outputs, its inputs, or both as one, are meant."""


class Coupling:
    """Which positions of which layers' ends go together, pair by pair."""

    def __init__(self) -> None:
        self._start: dict[End, int] = {}
        self._size: dict[End, int] = {}
        self._pairs: list[tuple[End, np.ndarray, End, np.ndarray]] = []
        self._seen: dict[End, set[int]] = {}

    def __contains__(self, end: End) -> bool:
        return end in self._size

    @property
    def ends(self) -> list[End]:
        """The ends that were coupled, in the order they were met."""
        return list(self._size)

    def not_yet(self, end: End, positions: np.ndarray) -> list[int]:
        """Return the channels of an end that are coupled with nothing yet.

        positions: of each of its channels.
        """
        seen = self._seen.get(end, set())
        return [channel for channel, position in enumerate(positions) if position not in seen]

    def couple(self, here: End, first: np.ndarray, there: End, second: np.ndarray) -> None:
        """Note that the first positions of one end go with the second ones of another, in order.

        Both ends have been sized.
        """
        for end, positions in ((here, first), (there, second)):
            self._seen.setdefault(end, set()).update(positions.tolist())
        self._pairs.append((here, first, there, second))

    def size(self, end: End, positions: np.ndarray) -> None:
        """Note how many positions an end has, given the position of each of its channels."""
        self._size[end] = int(positions.max(initial=-1)) + 1

    def grouped(
        self,
        layers: Mapping[str, End],
        positions: Mapping[str, np.ndarray],
        reasons: Mapping[str, str],
    ) -> tuple[dict[str, np.ndarray], tuple[CoupledSet, ...], Callable[[End], np.ndarray]]:
        """Return each layer's filters by group, the coupled sets, and how ends are numbered.

        layers: the end with the filters of each, in the network's order. positions: of their
        filters. reasons: why sets stay whole, by a layer of theirs.
        """
        components = self._components()
        found = {name: components[end][positions[name]] for name, end in layers.items()}
        numbers, sets = _numbered(found, reasons)

        def number(end: End) -> np.ndarray:
            return np.array([numbers.get(each, NO_GROUP) for each in components[end].tolist()])

        filters = {name: number(end)[positions[name]] for name, end in layers.items()}
        return filters, sets, number

    def _components(self) -> dict[End, np.ndarray]:
        """Return which positions are connected, as a number for each position of each end."""
        starts, total = {}, 0
        for end, size in self._size.items():
            starts[end], total = total, total + size
        empty = np.zeros(0, np.int64)
        first = np.concatenate([empty, *(starts[a] + p for a, p, _, _ in self._pairs)])
        second = np.concatenate([empty, *(starts[b] + p for _, _, b, p in self._pairs)])
        labels = _connected(first, second, total)
        return {end: labels[start : start + self._size[end]] for end, start in starts.items()}


def _numbered(
    found: Mapping[str, np.ndarray], reasons: Mapping[str, str]
) -> tuple[dict[int, int], tuple[CoupledSet, ...]]:
    """Return the number of each component, and the sets of layers that share components.

    found: the component of each filter of each layer.
    """
    names = list(found)
    if not names:
        return {}, ()
    layer = np.concatenate([np.full(len(each), i) for i, each in enumerate(found.values())])
    component, first = np.unique(np.concatenate(list(found.values())), return_index=True)
    flat = np.searchsorted(component, np.concatenate(list(found.values())))
    count = len(names) + len(component)
    labels = _connected(layer, len(names) + flat, count)
    of_layer, of_component = labels[: len(names)], labels[len(names) :]
    numbers: dict[int, int] = {}
    sets = []
    for label in dict.fromkeys(of_layer.tolist()):
        layers = tuple(name for name, other in zip(names, of_layer, strict=True) if other == label)
        within = np.flatnonzero(of_component == label)
        for index in within[np.argsort(first[within])]:
            numbers[int(component[index])] = len(numbers)
        sets.append(
            CoupledSet(
                name=layers[0],
                layers=layers,
                groups=len(within),
                whole=next((reasons[name] for name in layers if name in reasons), None),
            )
        )
    return numbers, tuple(sets)


def _connected(first: np.ndarray, second: np.ndarray, count: int) -> np.ndarray:
    """Return the number of each node's component, given the nodes that each link connects."""
    from scipy.sparse import coo_array  # slow to import
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    labels: np.ndarray = connected_components(links, directed=False)[1]
    return labels
