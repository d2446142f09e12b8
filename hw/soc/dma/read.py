"""Reads memory for several channels through one AXI port."""

from collections.abc import Sequence

from amaranth import Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.hw.common.pipeline import wire
from gemmule.hw.soc.bus.axi import AxiReadSignature, Burst

from .burst import Cutter, burst_layout
from .parts.arbiter import Arbiter
from .parts.under_way import UnderWay
from .read_vectors import ReadVectors
from .read_words import ReadWords
from .request import read_stream, request_layout

__all__ = ["ReadDma"]


class ReadDma(wiring.Component):
    """Serves requests to read: any bytes, asked for by channels that take turns.

    A channel's requests are answered in order, and since all have one id, so are those of all
    channels in the order in which they were taken: who asks has room for what he asks for, for a
    vector that nobody takes stops the others. Bursts are INCR, as wide as the bus, and cut where
    blocks of 4 KB and of 256 words meet; bytes of the first and the last word that belong to no
    request are read and dropped.

    Errors: a vector is marked of which a byte, or another one of the same word of the request, was
    answered by one. While such a vector is offered, ``fault_address`` is the word of the bus that
    failed first of those it is made of; no other one is, and the next beat waits.

    Latency: 3 cycles from a request to ARVALID, 4 if it is another channel's turn; 2 from a beat to
    its vector, when the next beat of the request follows or there is none.
    Throughput: one beat a cycle, if requests come as fast and the bursts ``under_way`` cover the
    memory's time. Back-pressure: ``data_<n>.ready`` reaches RREADY.

    Parameters
    ----------
    address_width : int
        32 to 64.
    data_width : int
        Bits of the bus: 32 to 512, a power of two.
    vectors : sequence of int
        Bytes of a vector of each channel, powers of two; narrower or wider than the bus.
    under_way : int
        Bursts asked for and not answered in full, a power of two.
    id_width : int
        Of ARID, which is always 0.

    Members
    -------
    request_<n> : In(stream(request_layout(address_width)))
    data_<n> : Out(read_stream(unsigned(8 * vectors[n])))
    fault_address : Out(address_width)
    fault_decode : Out(1)
        It was a DECERR, not a SLVERR.
    stop : In(1)
        Begin no burst, finish those under way, throw away what they bring and what is asked for:
        from now on until ``idle``, even if ``stop`` falls before. Vectors that were offered may go
        untaken; ARVALID stays.
    idle : Out(1)
        Nothing is under way, and nothing inside.
    cache, prot, qos : In
        Of bursts that begin from now on.
    axi : Out(AxiReadSignature)
    """

    def __init__(
        self,
        address_width: int,
        data_width: int,
        vectors: Sequence[int],
        *,
        under_way: int = 16,
        id_width: int = 1,
    ):
        self.address_width, self.data_width, self.vectors = address_width, data_width, vectors
        self.under_way = under_way
        bus = AxiReadSignature(
            address_width=address_width, data_width=data_width, id_width=id_width
        )
        request = stream.Signature(request_layout(address_width))
        super().__init__({
            **{f"request_{n}": In(request) for n in range(len(vectors))},
            **{f"data_{n}": Out(read_stream(unsigned(8 * v))) for n, v in enumerate(vectors)},
            "fault_address": Out(address_width),
            "fault_decode": Out(1),
            "stop": In(1),
            "idle": Out(1, init=1),
            "cache": In(4),
            "prot": In(3),
            "qos": In(4),
            "axi": Out(bus),
        })

    def elaborate(self, platform):
        m = Module()
        clear = self._stopped(m)
        sizes = self.address_width, self.data_width, len(self.vectors)
        m.submodules.arbiter = arbiter = Arbiter(request_layout(self.address_width), sizes[2])
        m.submodules.cutter = cutter = Cutter(*sizes)
        m.submodules.bursts = bursts = UnderWay(burst_layout(*sizes), self.under_way)
        m.submodules.words = words = ReadWords(*sizes[1:])
        m.submodules.vectors = vectors = ReadVectors(*sizes, self.vectors)
        for n in range(sizes[2]):
            connect(m, flipped(getattr(self, f"request_{n}")), getattr(arbiter, f"i_{n}"))
            connect(m, getattr(vectors, f"data_{n}"), flipped(getattr(self, f"data_{n}")))
        connect(m, arbiter.o, cutter.i)
        connect(m, words.o, vectors.i)
        m.d.comb += [each.clear.eq(clear) for each in (arbiter, cutter, words, vectors)]
        m.d.comb += [words.hold.eq(vectors.faulty)]
        asking = self._ask(m, cutter.o, bursts, clear)
        self._receive(m, bursts, words.i, vectors, clear)
        quiet = bursts.empty & ~asking & ~arbiter.o.valid & cutter.idle
        m.d.comb += self.idle.eq(quiet & words.idle & vectors.idle)
        return m

    def _stopped(self, m: Module) -> Value:
        stopped = Signal()
        m.d.sync += stopped.eq((self.stop | stopped) & ~self.idle)
        return wire(m, "clear", self.stop | (stopped & ~self.idle))

    def _ask(self, m: Module, burst: stream.Interface, bursts: UnderWay, clear: Value) -> Value:
        """Offer bursts at AR, each from registers, and note them."""
        axi, names = self.axi, ("address", "length", "cache", "prot", "qos")
        asking = Signal()
        take = wire(m, "take", burst.valid & burst.ready & ~clear)
        m.d.comb += [
            burst.ready.eq((~asking | axi.arready) & bursts.room),
            bursts.push.eq(take),
            bursts.i.eq(burst.payload),
            axi.arvalid.eq(asking),
            axi.arsize.eq((self.data_width // 8).bit_length() - 1),
            axi.arburst.eq(Burst.INCR),
        ]
        values = [burst.payload.address, burst.payload.length, self.cache, self.prot, self.qos]
        ports = [axi.araddr, axi.arlen, axi.arcache, axi.arprot, axi.arqos]
        for name, port, value in zip(names, ports, values, strict=True):
            held = Signal(len(port), name=f"asked_{name}", reset_less=True)
            m.d.comb += port.eq(held)
            with m.If(take):
                m.d.sync += held.eq(value)
        with m.If(~asking | axi.arready):
            m.d.sync += asking.eq(take)
        return asking

    def _receive(
        self,
        m: Module,
        bursts: UnderWay,
        beat: stream.Interface,
        vectors: ReadVectors,
        clear: Value,
    ) -> None:
        """Count beats, and join each with what its burst says of it; keep where one failed."""
        axi, burst = self.axi, bursts.o
        count = Signal(8, name="beats")
        taken = wire(m, "taken", axi.rvalid & axi.rready)
        ends = wire(m, "ends", count == burst.length)
        word = (self.data_width // 8).bit_length() - 1
        failed = Signal(self.address_width, name="failed", reset_less=True)
        decode = Signal(name="failed_decode", reset_less=True)
        m.d.comb += [
            beat.valid.eq(axi.rvalid & ~bursts.empty),
            axi.rready.eq(beat.ready & ~bursts.empty),
            bursts.pop.eq(taken & ends),
            beat.payload.data.eq(axi.rdata),
            beat.payload.error.eq(axi.rresp[1]),
            beat.payload.channel.eq(burst.channel),
            beat.payload.first.eq(burst.first),
            beat.payload.end.eq(burst.end),
            beat.payload.final.eq(burst.final & ends),
            vectors.failed.eq(failed),
            vectors.failed_decode.eq(decode),
            self.fault_address.eq(vectors.fault_address),
            self.fault_decode.eq(vectors.fault_decode),
        ]
        with m.If(taken):
            m.d.sync += count.eq(Mux(ends, 0, count + 1))
            with m.If(axi.rresp[1] & ~clear):
                within = burst.address[word : word + 8] + count
                m.d.sync += [failed.eq(burst.address), decode.eq(axi.rresp[0])]
                m.d.sync += failed[word : word + 8].eq(within)
