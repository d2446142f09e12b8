"""What a block is: the parts of an IP that a user can name, and how its arrays become beats."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from amaranth.lib.wiring import Component
from numpy.typing import NDArray

from gemmule.golden.common.options import Options

__all__ = ["Adapter", "Array", "Arrays", "Beats", "Block", "Job"]

Beats = NDArray[np.uint32]
"""The beats of one stream ``[beats, words]``: payload bits, packed by ``golden.common.lanes``."""

Arrays = Mapping[str, NDArray]


@dataclass(frozen=True)
class Array:
    """An array that a user gives or gets: what `gemmule show` prints of it."""

    name: str
    shape: str
    format: str
    text: str
    optional: bool = False


@dataclass
class Job:
    """One run of a block: the beats to send, how many to await, and what they must decode to.

    A stream named ``command`` carries commands; the measured cycles begin with the first beat of
    any other stream.
    """

    send: dict[str, Beats]
    receive: dict[str, int]
    decode: Callable[[dict[str, Beats]], dict[str, NDArray]]
    golden: dict[str, NDArray]
    macs: int = 0
    peak_macs_per_cycle: int = 0
    counters: dict[str, int] = field(default_factory=dict)


class Adapter(Protocol):
    """Turns a user's arrays into a :class:`Job`; used by `simulate`, the benches and the driver."""

    Run: type[Options]
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]

    def plan(self, params: Options, run: Options, arrays: Arrays) -> Job:
        """Check the arrays (:class:`UsageError`), run the golden model, lay out the beats."""


@dataclass(frozen=True)
class Block:
    """An IP in the catalog.

    ``adapter`` is None for a block that can only be generated and synthesized; ``bench`` is the
    cocotb module, beside the one that all blocks share, that `gemmule verify` runs for it.
    """

    name: str
    family: str
    params: type[Options]
    component: Callable[[Options], Component]
    adapter: Adapter | None = None
    bench: str | None = None
    presets: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """The first line of the component's docstring."""
        return (self.component.__doc__ or "").strip().splitlines()[0]
