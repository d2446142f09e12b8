"""An operand on its way to the array: from memory to a bank, and from there in another order."""

from collections import deque
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.formats import Format
from gemmule.golden.common.memory import ADDRESS_WIDTH, Region, element_size

from .commands import BANKS
from .limits import WalkLimits
from .refusal import ProgramError, Refusal

__all__ = ["Operand"]

Integers = NDArray[np.int64]


class Bank:
    """Vectors that loads brought, ``[any, lanes]``, and whether these were all."""

    def __init__(self, lanes: int):
        self._parts = [np.zeros((0, lanes), np.int64)]
        self.count = 0
        self.closed = False

    def append(self, vectors: Integers) -> None:
        """Put vectors behind those that are there."""
        self._parts.append(vectors)
        self.count += len(vectors)

    @property
    def vectors(self) -> Integers:
        """All of them."""
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts)]
        return self._parts[0]


class Operand:
    """The loads, banks and passes of an operand, in the order of the commands.

    A load begins when its bank is free, a pass when its bank holds all that it wants. The beats of
    passes up to a ``final`` one make a packet, which :meth:`packet` gathers.

    Parameters
    ----------
    region : what loads read
    fmt : of a lane
    lanes : of a vector
    limits : of the walks over a bank
    """

    def __init__(self, region: Region, fmt: Format, lanes: int, limits: WalkLimits):
        self.loads: deque[Mapping[str, Any]] = deque()
        self.passes: deque[Mapping[str, Any]] = deque()
        self._region = region
        self._format = fmt
        self._lanes = lanes
        self._limits = limits
        self._banks: deque[Bank] = deque()
        self._gathered: list[Integers] = []
        self._next: tuple[Integers, NDArray[np.bool_]] | None = None

    @property
    def idle(self) -> bool:
        """Whether all loads and passes are done, and every bank was given back."""
        return not (self.loads or self.passes or self._banks or self._gathered)

    def load(self) -> None:
        """Carry out the loads that can begin."""
        while self.loads:
            opened = bool(self._banks) and not self._banks[-1].closed
            if not opened:
                if len(self._banks) == BANKS:
                    return
                self._banks.append(Bank(self._lanes))
            self._fill(self._banks[-1], self.loads.popleft())

    def packet(self, beats: int, unlike: Refusal) -> Integers | None:
        """Return a packet of so many beats, ``[beats, lanes]``, or None while some are missing.

        A packet that ends before or goes on after them is refused as ``unlike``.
        """
        left = beats - sum(map(len, self._gathered))
        while left:
            if not self.passes:
                return None
            each = self.passes[0]
            length = self._limits.length(each["walk"])
            found = self._walk(each, min(length, left))
            if found is None:
                return None
            if length > left or (length == left) != each["final"]:
                raise ProgramError(unlike)
            self._gathered.append(found)
            left -= length
            self.passes.popleft()
            self._next = None
            if each["release"]:
                self._banks.popleft()
                self.load()
        if len(self._gathered) > 1:
            self._gathered = [np.concatenate(self._gathered)]
        return self._gathered[0]

    def take(self) -> None:
        """Begin the next packet."""
        self._gathered = []

    def _fill(self, bank: Bank, load: Mapping[str, Any]) -> None:
        """Read what a load asks for, of which nothing is read where any of it is wrong.

        Requests are found wrong before the bank is found too small for them.
        """
        many, asked = prod(loop["count"] for loop in load["loops"]), load["requests"]
        octets = 1 << element_size(self._format.width)
        elements = load["vectors"] * self._lanes
        addresses = self._addresses(load, min(many, asked))
        for address in addresses:
            if not self._region.holds(address, elements * octets):
                raise ProgramError(Refusal.REGION)
        if many != asked:
            raise ProgramError(Refusal.REQUESTS)
        turned = load.get("turned", 0)
        arriving = asked * (self._lanes if turned else load["vectors"])
        room = (1 << self._limits.address_width) - bank.count
        if arriving > room or (arriving == room and not load["closes"]):
            raise ProgramError(Refusal.BANK)
        read = b"".join(self._region.read(address, elements * octets) for address in addresses)
        vectors = self._format.wrapped(np.frombuffer(read, f"<u{octets}"))
        if turned:
            squares = vectors.reshape(asked, load["vectors"], self._lanes)
            margin = self._lanes - load["vectors"]
            vectors = np.pad(squares, ((0, 0), (0, margin), (0, 0))).swapaxes(1, 2)
        bank.append(vectors.reshape(-1, self._lanes))
        bank.closed = bool(load["closes"])

    def _addresses(self, load: Mapping[str, Any], count: int) -> list[int]:
        """Return the addresses of the first requests of a load."""
        address, left = np.full(count, load["base"]), np.arange(count)
        for loop in load["loops"]:
            left, index = np.divmod(left, loop["count"])
            address += index * loop["stride"]
        return (address & (1 << ADDRESS_WIDTH) - 1).tolist()

    def _walk(self, each: Mapping[str, Any], count: int) -> Integers | None:
        """Return the first beats of a pass; None where it must wait for its bank.

        One that is masked throughout, and releases nothing, needs none.
        """
        bank = self._banks[0] if self._banks else Bank(self._lanes)
        if each["release"] and not bank.closed:
            return None
        if self._next is None:  # where it waits, it need not be walked anew
            self._next = self._limits.beats(each["walk"], count)
        address, real = self._next
        if (address[real] >= bank.count).any():
            if bank.closed:
                raise ProgramError(Refusal.ADDRESS)
            return None
        beats = np.full((count, self._lanes), each["pad"])
        beats[real] = bank.vectors[address[real]]
        return beats
