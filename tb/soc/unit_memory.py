"""A memory beside a unit of the accelerator in Amaranth's simulator: what a DMA would answer."""

from collections import deque
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["UnitMemory"]


class UnitMemory:
    """Serve the channels of a unit from an image.

    ``reads`` are vectors' bytes by the channel's name. An address in ``bad`` answers with an error.
    """

    def __init__(
        self,
        image: NDArray[np.uint8],
        reads: Mapping[str, int],
        word: int,
        *,
        latency: int = 10,
        pause: float = 0.0,
        seed: int = 0,
        bad: Callable[[int], bool] = lambda address: False,
    ):
        self.image = image
        self.reads = reads
        self.word = word
        self.latency = latency
        self.pause = pause
        self.rng = np.random.default_rng(seed)
        self.bad = bad
        self.read_octets = 0
        self.faults: dict[str, int] = {}

    def _waits(self) -> bool:
        return bool(self.pause and self.rng.random() < self.pause)

    async def read(self, ctx, dut, name: str) -> None:
        """Answer the requests of one channel, in order."""
        request, data = getattr(dut, f"request_{name}"), getattr(dut, f"data_{name}")
        octets = self.reads[name]
        queue: deque = deque()
        now, shown = 0, None
        ctx.set(request.ready, 1)
        async for _clk, rst, valid, address, length, ready in ctx.tick().sample(
            request.valid, request.p.address, request.p.length, data.ready
        ):
            if rst:
                continue
            now += 1
            if valid:
                self.read_octets += length
                for at in range(0, length, octets):
                    queue.append((now + self.latency, address + at, at + octets >= length))
            if shown is not None and ready:
                queue.popleft()
                shown = None
            if shown is None:
                ctx.set(data.valid, 0)
                if queue and queue[0][0] <= now and not self._waits():
                    _, address, last = shown = queue[0]
                    error = any(self.bad(address + n) for n in range(octets))
                    ctx.set(data.valid, 1)
                    ctx.set(
                        data.p,
                        {
                            "data": int.from_bytes(
                                self.image[address : address + octets].tobytes(), "little"
                            ),
                            "last": last,
                            "error": error,
                        },
                    )
                    if error:
                        ctx.set(dut.fault_address, address)

    async def write(self, ctx, dut) -> None:
        """Take what is written; answer each request when it was taken."""
        request, data, done = dut.request_c, dut.data_c, dut.done_c
        requests: deque = deque()
        words: deque = deque()
        answers: deque = deque()
        now = 0
        async for (
            _clk,
            rst,
            asked,
            address,
            length,
            given,
            word,
            takes,
            takes_word,
        ) in ctx.tick().sample(
            request.valid,
            request.p.address,
            request.p.length,
            data.valid,
            data.p.data,
            request.ready,
            data.ready,
        ):
            if rst:
                continue
            now += 1
            if asked and takes:
                requests.append((address, length))
            if given and takes_word:
                words.append(int(word).to_bytes(self.word, "little"))
            while requests and len(words) * self.word >= requests[0][1]:
                address, length = requests.popleft()
                count = -(-length // self.word)
                octets = b"".join(words.popleft() for _ in range(count))[:length]
                self.image[address : address + length] = np.frombuffer(octets, np.uint8)
                answers.append((now + self.latency, address, self.bad(address)))
            ctx.set(request.ready, not self._waits())
            ctx.set(data.ready, not self._waits())
            ctx.set(done.valid, 0)
            if answers and answers[0][0] <= now:
                _, address, error = answers.popleft()
                ctx.set(done, {"valid": 1, "error": error, "decode": 0, "address": address})
