"""What a block is: the parts of an IP that a user can name, and how its arrays become beats."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from amaranth.lib.wiring import Component
from numpy.typing import NDArray

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options

from .repeated import Beats, Repeated

if TYPE_CHECKING:
    from .package.sheet import Sheet
    from .simulation.axi import AxiMemory
    from .simulation.simulate import Simulation

__all__ = [
    "Adapter",
    "Array",
    "Arrays",
    "Beats",
    "Block",
    "BusAdapter",
    "Channel",
    "Job",
    "Memory",
    "Repeated",
]

Arrays = Mapping[str, Any]
"""Arrays by name: NumPy's, or :class:`~.files.stored.Stored` ones that are read in pieces."""


@dataclass(frozen=True)
class Array:
    """An array that a user gives or gets: what `gemmule show` prints of it."""

    name: str
    shape: str
    format: str
    text: str
    optional: bool = False


@dataclass(frozen=True)
class Channel:
    """A stream of requests, and the stream of vectors that it asks for or hands over.

    Parameters
    ----------
    request
        An output of the block: ``address`` of the first element in bytes, 32 bits, ``length`` in
        elements, 20 bits, and ``size``, 2 bits: an element is ``2 ** size`` bytes.
    data
        ``packet_stream(vector(fmt, lanes))``. Into the block, a request reads whole vectors, with
        ``last`` on its last one; out of it, a request writes one vector, or its first lanes.
    lanes, width
        Of a vector: its lanes, and the bits of each.
    """

    request: str
    data: str
    lanes: int
    width: int


@dataclass
class Memory:
    """An external memory that a block reads and writes by requests.

    Elements are little-endian. One that is wider than its lane is cut, and so is a lane that is
    wider than its element; the narrower one is extended, with the sign if the lanes are signed.

    In each cycle the memory moves up to ``width`` bytes, and nothing of them carries over. First
    are the writes whose request and vector were both taken in an earlier cycle, in order; then
    the requests to read taken in an earlier cycle, the oldest first, byte by byte; of those of the
    same cycle, the one whose channel is named first. A cycle may finish one vector and begin the
    next, also of another request. A vector whose last byte moved in cycle ``t`` is looked up then,
    and offered in cycle ``t + latency`` or later, in order, one a cycle and stream.

    Requests to read are always taken. The two streams of a channel that writes are ready while
    fewer than :data:`golden.common.memory.QUEUE` of the vectors that the stream began have not
    moved completely in an earlier cycle. A write changes the image when its request and vector have
    both been taken: for whatever moves in a later cycle.

    Parameters
    ----------
    image
        The bytes before the run.
    channels
        The streams of the block that the memory serves.
    width
        Bytes that move in a cycle, reads and writes together.
    latency
        Cycles from the last byte of a vector to its offer.
    """

    image: NDArray[np.uint8]
    channels: tuple[Channel, ...]
    width: int = 16
    latency: int = 32


@dataclass
class Job:
    """One run of a block: the beats to send, how many to await, and what they must decode to.

    What is sent more than once, like a tile that meets several others, is a :class:`Repeated`. A
    stream named ``command`` carries commands; the measured cycles begin with the first beat of
    any other stream. A block with a ``memory`` needs an output that tells when it has asked for
    all: the run is over when all beats were received and the memory has nothing to do. Then
    ``received["memory"]`` is the image as the block left it. ``count`` makes counters of what was
    received, ``estimates`` of the memory with the user's width and latency. Where no beat moves for
    ``patience`` cycles, the block hangs. ``results`` makes the beats of each output that come back
    of a right run, for data sheets and exports; ``memory`` is the image then.
    """

    send: Mapping[str, Beats | Repeated]
    receive: dict[str, int]
    decode: Callable[[dict[str, Beats]], dict[str, NDArray]]
    golden: dict[str, NDArray]
    macs: int = 0
    peak_macs_per_cycle: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    memory: Memory | None = None
    count: Callable[[dict[str, NDArray]], dict[str, int]] | None = None
    estimates: Callable[[Memory], dict[str, int]] | None = None
    patience: int = 20_000
    results: Callable[[], Mapping[str, NDArray]] | None = None


class Adapter(Protocol):
    """Turns a user's arrays into a :class:`Job`; used by `simulate`, the benches and the driver."""

    @property
    def Run(self) -> type[Options]:
        """The options of a run."""

    @property
    def inputs(self) -> tuple[Array, ...]:
        """What a user gives."""

    @property
    def outputs(self) -> tuple[Array, ...]:
        """What a user gets."""

    def check(self, params: Any, run: Any, arrays: Arrays) -> None:
        """Refuse (:class:`UsageError`) what cannot be run, before anything is computed.

        Options and shapes come first, values last. Nothing of the size of an array is made:
        ``arrays`` may hold :class:`~.stored.Stored` ones, whose values
        :func:`golden.common.formats.check_values` looks at in pieces.
        """

    def plan(self, params: Any, run: Any, arrays: Arrays) -> Job:
        """Run :meth:`check`, then the golden model, and lay out the beats.

        Memory and time are in proportion to the arrays, those that come out among them.
        """


class BusAdapter(Protocol):
    """Carries a user's arrays to a block that fetches them itself: by its driver and its bus."""

    @property
    def Run(self) -> type[Options]:
        """The options of a run."""

    @property
    def inputs(self) -> tuple[Array, ...]:
        """What a user gives."""

    @property
    def outputs(self) -> tuple[Array, ...]:
        """What a user gets."""

    def wanted(self, run: Any) -> tuple[Array, ...]:
        """Return those of the inputs that a run takes."""

    def check(self, params: Any, run: Any, arrays: Arrays) -> None:
        """Refuse (:class:`UsageError`) what cannot be run, before anything is computed."""

    def simulate(
        self,
        params: Any,
        run: Any,
        arrays: Arrays,
        *,
        memory: "AxiMemory",
        seed: int = 0,
        waves: Path | None = None,
        timeline: Path | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> "Simulation":
        """Run the arrays through the RTL, and compare the results with the golden model."""


@dataclass(frozen=True)
class Block:
    """An IP in the catalog.

    ``summary`` is a sentence for users, in Markdown, that names nothing which only the source
    knows. ``adapter`` is None for a block that can only be generated and synthesized. ``sheet``
    says what the data sheet holds: see :mod:`.package.sheet.form`. ``bus_adapter`` is for a block
    that has a bus instead of streams. ``family`` is where the block
    stands: the catalog sets it.
    """

    name: str
    summary: str
    params: type[Options]
    component: Callable[..., Component]
    adapter: Adapter | None = None
    presets: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    sheet: Callable[..., "Sheet"] | None = None
    bus_adapter: BusAdapter | None = None
    family: str = field(default="", compare=False)

    def simulated_by(self) -> Adapter:
        """Return the adapter; refuse a block that has none, and so takes no arrays."""
        if self.adapter is None:
            does = "generate, simulate" if self.bus_adapter else "generate"
            raise UsageError(f"{self.name} is for {does} and synth only: it has no streams")
        return self.adapter

    @property
    def runs(self) -> "Adapter | BusAdapter | None":
        """What takes a user's arrays, by streams or by a bus."""
        return self.adapter or self.bus_adapter
