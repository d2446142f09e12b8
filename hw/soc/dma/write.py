"""Writes memory for several channels through one AXI port."""

from collections.abc import Sequence

from amaranth import Module, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.stream.payload import packet_stream
from gemmule.hw.soc.bus.axi import BLOCK_BYTES, LONGEST, AxiWriteSignature, Burst

from .parts.arbiter import Arbiter
from .parts.under_way import UnderWay
from .request import request_layout, write_done
from .write_bursts import WriteBursts, sent_layout
from .write_place import WritePlace
from .write_vectors import WriteVectors
from .write_words import WriteWords

__all__ = ["WriteDma"]

PLACE = ("runs", "fresh", "spills", "number", "first", "end", "inverse", "channel")


class WriteDma(wiring.Component):
    """Serves requests to write: any bytes, from channels that take turns.

    A request takes ``ceil(length / bytes of a vector)`` vectors of its channel, the last one with
    ``last``. They are shifted to its address and queued; a burst's address is offered when all of
    its data is there. Bursts are INCR, as wide as the bus, of ``longest`` words at most and cut at
    their multiples, hence at 4 KB. Requests are not joined. Bytes that belong to no request are not
    written: their strobes are 0.

    Latency: 3 cycles from a request and its vector to AWVALID and WVALID, 4 if it is another
    channel's turn, one more where vectors are narrower than the bus. Throughput: one word of the
    bus a cycle, also where each is a request, if the bursts ``under_way`` cover the memory's time.
    Back-pressure: AWREADY reaches ``data_<n>.ready``; a request whose vectors do not come keeps the
    other channels waiting.

    Parameters
    ----------
    address_width : int
        32 to 64.
    data_width : int
        Bits of the bus: 32 to 512, a power of two.
    vectors : sequence of int
        Bytes of a vector of each channel, powers of two; narrower or wider than the bus.
    longest : int
        Beats of a burst at most, a power of two.
    under_way : int
        Bursts that were sent and not answered, a power of two: as many words cover the memory's
        time where each is a request.
    id_width : int
        Of AWID, which is always 0.

    Members
    -------
    request_<n> : In(stream(request_layout(address_width)))
    data_<n> : In(packet_stream(unsigned(8 * vectors[n])))
    done_<n> : Out(write_done(address_width))
        A pulse for each request, in order, when all of its bursts are answered.
    stop : In(1)
        Send no burst whose address was not offered, finish the others, and throw away what is asked
        for and what it would write: from now on until ``idle``, even if ``stop`` falls before. No
        request is reported as done meanwhile.
    idle : Out(1)
        Nothing is under way, no request is taken.
    cache, prot, qos : In
        Of bursts that begin from now on.
    axi : Out(AxiWriteSignature)
    """

    def __init__(
        self,
        address_width: int,
        data_width: int,
        vectors: Sequence[int],
        *,
        longest: int = 16,
        under_way: int = 32,
        id_width: int = 1,
    ):
        self.address_width, self.data_width, self.vectors = address_width, data_width, vectors
        self.longest = min(longest, LONGEST, BLOCK_BYTES * 8 // data_width)
        self.under_way = under_way
        bus = AxiWriteSignature(
            address_width=address_width, data_width=data_width, id_width=id_width
        )
        request = stream.Signature(request_layout(address_width))
        channels = range(len(vectors))
        super().__init__({
            **{f"request_{n}": In(request) for n in channels},
            **{f"data_{n}": In(packet_stream(unsigned(8 * v))) for n, v in enumerate(vectors)},
            **{f"done_{n}": Out(write_done(address_width)) for n in channels},
            "stop": In(1),
            "idle": Out(1, init=1),
            "cache": In(4),
            "prot": In(3),
            "qos": In(4),
            "axi": Out(bus),
        })

    def elaborate(self, platform):
        m = Module()
        width, channels = self.address_width, len(self.vectors)
        sizes = width, self.data_width, channels
        m.submodules.arbiter = arbiter = Arbiter(request_layout(width), channels)
        m.submodules.vectors = vectors = WriteVectors(self.data_width, self.vectors)
        m.submodules.place = place = WritePlace(*sizes, len(vectors.excess))
        m.submodules.words = words = WriteWords(*sizes)
        m.submodules.bursts = bursts = WriteBursts(*sizes, self.longest)
        m.submodules.sent = sent = UnderWay(sent_layout(width, channels), self.under_way)
        for n in range(channels):
            connect(m, flipped(getattr(self, f"request_{n}")), getattr(arbiter, f"i_{n}"))
            connect(m, flipped(getattr(self, f"data_{n}")), getattr(vectors, f"data_{n}"))
        connect(m, arbiter.o, place.request)
        connect(m, vectors.o, words.i)
        connect(m, words.o, bursts.i)
        clear = self._stopped(m)
        m.d.comb += [each.clear.eq(clear) for each in (arbiter, vectors, place, words, bursts)]
        m.d.comb += [
            *(getattr(words, name).eq(getattr(place, name)) for name in PLACE),
            place.step.eq(words.step),
            place.final.eq(words.final),
            vectors.channel.eq(place.channel),
            vectors.excess.eq(place.excess),
            bursts.room.eq(sent.room),
            sent.push.eq(bursts.send),
            sent.i.eq(bursts.sent),
            self.idle.eq(sent.empty & bursts.idle & ~arbiter.o.valid & place.idle),
        ]
        self._send(m, bursts)
        self._answer(m, sent, clear)
        return m

    def _stopped(self, m: Module) -> Value:
        stopped = Signal()
        m.d.sync += stopped.eq((self.stop | stopped) & ~self.idle)
        return wire(m, "clear", self.stop | (stopped & ~self.idle))

    def _send(self, m: Module, bursts: WriteBursts) -> None:
        axi, aw, w = self.axi, bursts.aw, bursts.w
        m.d.comb += [
            *(getattr(bursts, name).eq(getattr(self, name)) for name in ("cache", "prot", "qos")),
            axi.awaddr.eq(aw.payload.address),
            axi.awlen.eq(aw.payload.length),
            *(getattr(axi, f"aw{n}").eq(aw.payload[n]) for n in ("cache", "prot", "qos")),
            axi.awsize.eq((self.data_width // 8).bit_length() - 1),
            axi.awburst.eq(Burst.INCR),
            axi.awvalid.eq(aw.valid),
            aw.ready.eq(axi.awready),
            axi.wdata.eq(w.payload.data),
            axi.wstrb.eq(w.payload.strobes),
            axi.wlast.eq(w.payload.last),
            axi.wvalid.eq(w.valid),
            w.ready.eq(axi.wready),
        ]

    def _answer(self, m: Module, sent: UnderWay, clear: Value) -> None:
        """Match answers with bursts; tell of a request when its last one is answered."""
        axi, burst = self.axi, sent.o
        answered = wire(m, "answered", axi.bvalid & axi.bready)
        fails = wire(m, "fails", answered & axi.bresp[1])
        # A burst of a request failed whose last one is not answered.
        failed = Signal(name="failed")
        done = Signal(name="done")
        error = Signal(name="error")
        address = Signal(self.address_width, name="failed_address", reset_less=True)
        decode = Signal(name="failed_decode", reset_less=True)
        channel = Signal.like(burst.channel, name="done_channel", reset_less=True)
        m.d.comb += [axi.bready.eq(~sent.empty), sent.pop.eq(answered)]
        m.d.sync += [
            done.eq(answered & burst.final & ~clear),
            error.eq(failed | fails),
            channel.eq(burst.channel),
        ]
        with m.If(answered):
            m.d.sync += failed.eq((failed | fails) & ~burst.final)
        with m.If(clear):
            m.d.sync += failed.eq(0)
        with m.If(fails & ~failed):
            m.d.sync += [address.eq(burst.address), decode.eq(axi.bresp[0])]
        for n in range(len(self.vectors)):
            pulse = getattr(self, f"done_{n}")
            m.d.comb += [
                pulse.valid.eq(done & (channel == n)),
                pulse.error.eq(error),
                pulse.decode.eq(decode),
                pulse.address.eq(address),
            ]
