"""Beats that a stream carries several times over, held once."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Beats", "Part", "Repeated", "parts_of"]

Beats = NDArray[np.uint32]
"""The beats of one stream ``[beats, words]``, packed by :mod:`golden.common.lanes`."""

Part = tuple[Beats, int]
"""Beats, and how often they are sent, one time after the other."""


class Repeated:
    """The beats of one stream as parts, each sent some times over.

    A tile that the hardware takes again for each tile of another operand is packed and held once;
    the driver repeats it. A slice lays out what lies in it; ``np.asarray``, another index and
    `np.concatenate` lay out everything, so they are for small jobs.

    Examples
    --------
    >>> beats = Repeated([(np.array([[1], [2]], np.uint32), 2), (np.array([[3]], np.uint32), 1)])
    >>> len(beats), np.asarray(beats).ravel().tolist(), beats[-1:].tolist()
    (5, [1, 2, 1, 2, 3], [[3]])
    """

    ndim = 2
    dtype = np.dtype(np.uint32)

    def __init__(self, parts: Sequence[Part]):
        self.parts = [(beats, times) for beats, times in parts if len(beats) and times]
        self._words = parts[0][0].shape[1]

    @classmethod
    def packet(cls, parts: Sequence[Part], last: int) -> "Repeated":
        """Make one packet of ``parts``; its bit ``last``, 0 so far, is set in the last beat."""
        *before, (beats, times) = parts
        end = beats[-1:].copy()
        end[0, last // 32] |= np.uint32(1 << last % 32)
        return cls([*before, (beats, times - 1), (beats[:-1], 1), (end, 1)])

    @classmethod
    def joined(cls, streams: "Sequence[Beats | Repeated]") -> "Repeated":
        """Join ``streams``, one behind the other."""
        if len(streams) == 1 and isinstance(streams[0], cls):
            return streams[0]
        none = np.zeros((0, streams[0].shape[1]), np.uint32)
        return cls([(none, 0), *(part for each in streams for part in parts_of(each))])

    @property
    def shape(self) -> tuple[int, int]:
        """Beats and words, as of an array."""
        return len(self), self._words

    def __len__(self) -> int:
        return sum(len(beats) * times for beats, times in self.parts)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Beats:
        if not self.parts:
            return np.zeros((0, self._words), dtype or np.uint32)
        full = np.concatenate([np.tile(beats, (times, 1)) for beats, times in self.parts])
        return full.astype(dtype or full.dtype, copy=False)

    def __getitem__(self, key: Any) -> Beats:
        if not isinstance(key, slice) or key.step not in (None, 1):
            return np.asarray(self)[key]
        low, high, _ = key.indices(len(self))
        found, begin = [np.zeros((0, self._words), np.uint32)], 0
        for beats, times in self.parts:
            end = begin + len(beats) * times
            if low < end and begin < high:
                places = np.arange(max(low, begin), min(high, end)) - begin
                found.append(beats[places % len(beats)])
            begin = end
        return np.concatenate(found)

    def __iter__(self) -> Iterator[NDArray[np.uint32]]:
        return iter(np.asarray(self))


def parts_of(beats: "Beats | Repeated") -> Sequence[Part]:
    """Return the parts of any stream; an array is one."""
    return beats.parts if isinstance(beats, Repeated) else [(beats, 1)]
