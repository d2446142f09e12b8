"""A convolution's program, carried out without time: from two regions of memory to a third."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.formats import Format
from gemmule.golden.common.memory import Region, element_size

from .banks import Operand
from .commands import Opcode
from .hardware import ConvolutionHardware
from .layout import KIND, Lanes, contents, decoded, lane
from .legality import refusal
from .product import beats_of, results
from .refusal import ProgramError, Refusal

__all__ = ["run"]


def run(
    hardware: ConvolutionHardware,
    commands: Sequence[int],
    settings: Sequence[int],
    a: Region,
    b: Region,
    c: Region,
) -> None:
    """Carry out a program: loads read ``a`` and ``b``, and places are those of ``c``.

    Commands are carried out as soon as those before them allow. Regions may overlap, but what is
    written is there for loads behind a fence alone. The hardware keeps few commands of each kind
    until they can begin: a program whose commands stand in an order in which more would have to
    wait is ``STUCK`` there, and may be carried out here. It counts cycles, too: ``TIME`` is never
    met here.

    Parameters
    ----------
    hardware
    commands : bits of each, by :func:`~.layout.contents`
    settings : bits of each beat of them, ``cols`` lanes of :func:`~.layout.lane`
    a, b, c : regions of memory

    Raises
    ------
    ProgramError
        The program is wrong; a part of it may have been carried out.
    """
    state = _State(hardware, settings, a, b, c)
    layouts = contents(hardware)
    known = set(Opcode)
    for number, command in enumerate(commands):
        kind, last = decoded(KIND, command), number == len(commands) - 1
        fields = decoded(layouts[kind], command >> KIND.width) if kind in known else {}
        if why := refusal(kind, fields, hardware, last=last):
            raise ProgramError(why, number)
        try:
            if kind == Opcode.FENCE:
                state.fence(last=last)
            else:
                state.hand_on(Opcode.of(kind), fields)
        except ProgramError as error:
            raise ProgramError(error.refusal, number + (kind != Opcode.FENCE)) from error


class _State:
    """What of a program waits, and what its commands do."""

    def __init__(
        self,
        hardware: ConvolutionHardware,
        settings: Sequence[int],
        a: Region,
        b: Region,
        c: Region,
    ):
        self._hardware = hardware
        self._a = Operand(a, hardware.a_format, hardware.rows, hardware.a_walks)
        self._b = Operand(b, hardware.b_format, hardware.cols, hardware.b_walks)
        self._c = c
        self._settings = deque(settings)
        self._products: deque[tuple[Mapping[str, Any], list[dict[str, int]]]] = deque()
        self._places: deque[Mapping[str, Any]] = deque()
        self._lanes = Lanes(lane(hardware), hardware.cols)

    def hand_on(self, opcode: Opcode, fields: Mapping[str, Any]) -> None:
        """Take a command that is right by itself; carry out whatever can be."""
        match opcode:
            case Opcode.PRODUCT:
                if not self._settings:
                    raise ProgramError(Refusal.PACKET)
                self._products.append((fields, decoded(self._lanes, self._settings.popleft())))
            case Opcode.PLACES:
                self._places.append(fields)
            case Opcode.A_PASS:
                self._a.passes.append(fields)
            case Opcode.B_PASS:
                self._b.passes.append(fields)
            case Opcode.A_LOAD:
                self._a.loads.append(fields)
            case Opcode.B_LOAD:
                self._b.loads.append(fields)
        for operand in (self._a, self._b):
            operand.load()
        while self._places and self._step():
            self._places.popleft()

    def fence(self, *, last: bool) -> None:
        """Refuse a fence that would wait in vain: the last one for all, others for writing."""
        settled = self._a.idle and self._b.idle and not self._products
        if self._places or (last and not settled):
            raise ProgramError(Refusal.STUCK)

    def _step(self) -> bool:
        """Write the vectors of the oldest places, if they are there."""
        places = self._places[0]
        if places["copied"]:
            length = self._hardware.places.length(places["walk"])
            beats = self._a.packet(length, Refusal.PLACES)
            if beats is None:
                return False
            self._a.take()
            self._write(places, self._copied(beats))
            return True
        if not self._products:
            return False
        product, lanes = self._products[0]
        many = beats_of(product, self._hardware)
        a, b = (
            operand.packet(beats, Refusal.PASSES)
            for operand, beats in zip((self._a, self._b), many, strict=True)
        )
        if a is None or b is None:
            return False
        self._products.popleft()
        for operand in (self._a, self._b):
            operand.take()
        self._write(places, results(product, lanes, a, b, self._hardware))
        return True

    def _copied(self, beats: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the streamed operand as lanes for memory, the sign up to an element's end."""
        unit = self._hardware
        copied = unit.a_format
        element = 8 << max(element_size(each.width) for each in (copied, unit.b_format))
        return Format(True, unit.written_width).wrapped(Format(False, element).wrapped(beats))

    def _write(self, places: Mapping[str, Any], vectors: NDArray[np.int64]) -> None:
        """Write vectors to their places, those that are not masked."""
        limits = self._hardware.places
        if limits.length(places["walk"]) != len(vectors):
            raise ProgramError(Refusal.PLACES)
        addresses, real = limits.beats(places["walk"], len(vectors))
        octets = 1 << places["size"]
        elements = vectors[:, : places["length"]].astype("<i8").view(np.uint8)
        elements = elements.reshape(len(vectors), -1, 8)[..., :octets]
        for address, vector in zip(addresses[real].tolist(), elements[real], strict=True):
            if not self._c.holds(address, places["length"] * octets):
                raise ProgramError(Refusal.REGION)
            self._c.write(address, vector.tobytes())
