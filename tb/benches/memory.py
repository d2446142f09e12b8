"""The external memory of a job in cocotb: what it does, but not how many bytes move in a cycle."""

from collections.abc import Iterable, Mapping

import cocotb
import numpy as np
from cocotb.queue import Queue
from cocotb.triggers import RisingEdge

from gemmule.gen.block import Channel, Memory
from gemmule.gen.simulation.external_memory import REQUEST, Port
from gemmule.golden.common.memory import QUEUE
from gemmule.tb.benches.streams import StreamSink, StreamSource

__all__ = ["ExternalMemory"]


class ExternalMemory:
    """Serves ``ports`` from the moment it is made, by the bench's endpoints and with their stalls.

    Each request is answered ``memory.latency`` cycles after it was taken, or when the ones before
    it have been; ``image`` is what the memory holds.
    """

    def __init__(
        self,
        memory: Memory,
        ports: Iterable[Port],
        sources: Mapping[str, StreamSource],
        sinks: Mapping[str, StreamSink],
    ):
        self.memory = memory
        self.image = memory.image.astype(np.uint8)
        self._sources, self._sinks = sources, sinks
        self._cycle = self._open = 0
        coroutines = [each for port in ports for each in self._serve(port)]
        self._tasks = [cocotb.start_soon(each) for each in [self._count(), *coroutines]]

    @property
    def busy(self) -> bool:
        """Tell whether a request is unanswered, or half of a write is missing."""
        return self._open > 0

    def stop(self) -> None:
        """Stop serving."""
        for task in self._tasks:
            task.cancel()

    def _serve(self, port: Port) -> list:
        requests, vectors = (Queue(0 if port.reads else QUEUE) for _ in range(2))
        take = self._take(port.channel.request, requests)
        if port.reads:
            return [take, self._read(port, requests)]
        return [take, self._take(port.channel.data, vectors), self._write(port, requests, vectors)]

    async def _count(self) -> None:
        clk = next(iter(self._sinks.values())).clk
        while True:
            await RisingEdge(clk)
            self._cycle += 1

    async def _take(self, name: str, queue: Queue) -> None:
        while True:
            [beat] = await self._sinks[name].receive(1)
            self._open += 1
            await queue.put((beat, self._cycle))

    async def _read(self, port: Port, requests: Queue) -> None:
        source, each = self._sources[port.channel.data], port.channel
        while True:
            beat, taken = await requests.get()
            address, length, size = self._decode(each, beat)
            assert length % each.lanes == 0, f"{each.request}: {length} elements are no vectors"
            while self._cycle < taken + self.memory.latency:
                await RisingEdge(source.clk)
            step = each.lanes * size
            final = address + length * size - step
            for start in range(address, final + 1, step):
                lanes = self.image[start : start + step].reshape(each.lanes, size)
                await source.send([
                    _packed(port, lanes) | (start == final) << each.lanes * each.width
                ])
            self._open -= 1

    async def _write(self, port: Port, requests: Queue, vectors: Queue) -> None:
        while True:
            (beat, _), (vector, _) = await requests.get(), await vectors.get()
            address, length, size = self._decode(port.channel, beat)
            assert length <= port.channel.lanes, f"{port.channel.request}: {length} elements"
            octets = b"".join(_element(port, vector, lane, size) for lane in range(length))
            self.image[address : address + len(octets)] = np.frombuffer(octets, np.uint8)
            self._open -= 2

    def _decode(self, channel: Channel, beat: int) -> tuple[int, int, int]:
        """Return the address, the number of elements, and the bytes of an element."""
        values = []
        for width in REQUEST.values():
            values.append(beat & (1 << width) - 1)
            beat >>= width
        address, length, size = values[0], values[1], 1 << values[2]
        sound = length > 0 and address + length * size <= self.image.size
        assert sound, (
            f"{channel.request} asks for {length} elements of {size} bytes at address {address} "
            f"of a memory of {self.image.size} bytes"
        )
        return address, length, size


def _packed(port: Port, lanes: np.ndarray) -> int:
    """Pack the elements ``[lanes, bytes]`` into the low bits of a beat."""
    beat = 0
    for lane, octets in enumerate(lanes):
        value = int.from_bytes(octets.tobytes(), "little", signed=port.signed)
        beat |= (value & (1 << port.channel.width) - 1) << lane * port.channel.width
    return beat


def _element(port: Port, vector: int, lane: int, size: int) -> bytes:
    """Return the bytes of the element that a lane of a beat becomes."""
    width = port.channel.width
    value = vector >> lane * width & (1 << width) - 1
    if port.signed:
        value -= (value >> width - 1) << width
    return (value & (1 << 8 * size) - 1).to_bytes(size, "little")
