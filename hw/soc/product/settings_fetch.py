"""Fetches the settings of columns, a block at a time."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.common.requantize import Rounding
from gemmule.golden.soc.commands import SETTINGS, Columns
from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.wide import WideSum
from gemmule.hw.soc.dma.request import read_stream, request_layout

from .layouts import JOBS, settings_layout
from .params import COLUMNS, RESULT, ProductUnitParams
from .settings import BANKS, bank_layout, strange, view

__all__ = ["SettingsFetch"]


class SettingsFetch(wiring.Component):
    """Read the settings of blocks of columns into banks.

    A command's record is read once, then the columns of each of its blocks, or nothing if the
    record holds for all. Raw sums have a record of their own, which changes nothing.

    Latency: that of memory for the record, and again for the columns. Back-pressure: a block waits
    until a bank is free. Errors: ``fault`` tells the job of what is illegal or answered by an
    error; such a block's settings do no harm.

    Members
    -------
    settings : In(stream of :func:`settings_layout`)
    request : Out(stream of ``request_layout``), data : In(``read_stream`` of 16 bytes)
    write : Out(1), place : Out, entry : Out(unsigned(128))
        Column settings for the banks' memory.
    bank : Out([BANKS] x :func:`bank_layout`)
    full : Out(BANKS)
    free : In(1)
        The oldest bank is not needed any more.
    fault : Out(1), wrong : Out(1), job : Out(range(JOBS))
        A read failed, or a record is illegal.
    """

    def __init__(self, params: ProductUnitParams):
        self.params = params
        super().__init__({
            "settings": In(stream.Signature(settings_layout(params))),
            "request": Out(stream.Signature(request_layout(params.address_width))),
            "data": In(read_stream(128)),
            "write": Out(1),
            "place": Out(range(BANKS * COLUMNS)),
            "entry": Out(128),
            "bank": Out(bank_layout()).array(BANKS),
            "full": Out(BANKS),
            "free": In(1),
            "fault": Out(1),
            "wrong": Out(1),
            "job": Out(range(JOBS)),
        })

    def elaborate(self, platform):
        m = Module()
        block = Signal(self.settings.p.shape(), reset_less=True)
        record = Signal(bank_layout(), reset_less=True)
        turn, oldest = Signal(), Signal()
        count = Signal(range(COLUMNS))
        take = wire(m, "take", self.data.valid & self.data.ready)
        word = self.data.p.data
        m.submodules.sum = total = WideSum(self.params.address_width)
        behind = Signal(DIM_WIDTH + 5, reset_less=True)
        done = Signal()
        m.d.comb += [
            self.entry.eq(word),
            self.place.eq(Cat(count, turn)),
            self.fault.eq(take & self.data.p.error),
            self.job.eq(block.job),
            total.a.eq(block.base),
            total.b.eq(behind),
        ]
        with m.If(self.free):
            m.d.sync += [oldest.eq(~oldest), self.full.bit_select(oldest, 1).eq(0)]
        with m.If(done):
            m.d.sync += [turn.eq(~turn), self.full.bit_select(turn, 1).eq(1)]
            for n, bank in enumerate(self.bank):
                with m.If(turn == n):
                    m.d.sync += bank.eq(record)
        with m.FSM():
            with m.State("TAKE"):
                m.d.comb += self.settings.ready.eq(~self.full.bit_select(turn, 1))
                m.d.sync += [
                    self.request.p.address.eq(self.settings.p.base),
                    self.request.p.length.eq(SETTINGS.size),
                    count.eq(0),
                ]
                with m.If(self.settings.valid & self.settings.ready):
                    m.d.sync += block.eq(self.settings.p)
                    with m.If(self.settings.p.raw):
                        self._raw(m, record)
                        m.next = "DONE"
                    with m.Elif(self.settings.p.first):
                        m.next = "ASK"
                    with m.Else():
                        m.next = "COLUMNS"
            with m.State("ASK"):
                m.d.comb += self.request.valid.eq(1)
                with m.If(self.request.ready):
                    m.next = "LOW"
            with m.State("LOW"):
                m.d.comb += self.data.ready.eq(1)
                with m.If(take):
                    self._low(m, record, word)
                    m.next = "HIGH"
            with m.State("HIGH"):
                m.d.comb += self.data.ready.eq(1)
                with m.If(take):
                    self._high(m, record, word)
                    m.next = "CHECK"
            with m.State("CHECK"):
                m.d.comb += self.wrong.eq(self._illegal(m, record))
                with m.If(self.wrong):
                    m.d.sync += [
                        record.columns.eq(Columns.NONE),
                        record.rounding.eq(0),
                        record.low.eq(record.high),
                    ]
                m.next = "COLUMNS"
            with m.State("COLUMNS"):
                all_of = record.columns == Columns.ALL
                m.d.sync += [
                    behind.eq(SETTINGS.size + Mux(all_of, block.start << 4, block.start << 2)),
                    self.request.p.length.eq(Mux(all_of, block.columns << 4, block.columns << 2)),
                ]
                m.next = "DONE"
                with m.If(record.columns != Columns.NONE):
                    m.next = "ADDRESS"
            with m.State("ADDRESS"):
                m.d.comb += total.start.eq(1)
                m.next = "ADDRESS_HIGH"
            with m.State("ADDRESS_HIGH"):
                m.next = "ADDRESS_READY"
            with m.State("ADDRESS_READY"):
                m.d.sync += self.request.p.address.eq(total.total)
                m.next = "ASK_COLUMNS"
            with m.State("ASK_COLUMNS"):
                m.d.comb += self.request.valid.eq(1)
                with m.If(self.request.ready):
                    m.next = "FILL"
            with m.State("FILL"):
                m.d.comb += [self.data.ready.eq(1), self.write.eq(take)]
                with m.If(take):
                    m.d.sync += count.eq(count + 1)
                    with m.If(self.data.p.last):
                        m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += done.eq(1)
                m.next = "TAKE"
        return m

    def _raw(self, m: Module, record) -> None:
        """Change nothing: the factor is 1, and every sum is in range."""
        most = 1 << RESULT - 1
        m.d.sync += [
            record.columns.eq(Columns.NONE),
            record.rounding.eq(0),
            record.entry.offset.eq(0),
            record.entry.multiplier.eq(1),
            record.entry.shift.eq(0),
            record.entry.b_zero_point.eq(0),
            record.zero_point.eq(0),
            record.low.eq(-most),
            record.high.eq(most - 1),
        ]

    def _low(self, m: Module, record, word: Value) -> None:
        """Take the first 16 bytes of a settings record."""

        def get(name: str) -> Value:
            return view(SETTINGS, word, 0, name)

        self._strange = Signal(name="strange")
        kind, rounding = get("columns"), get("rounding")
        reserved = get("reserved0").any() | get("reserved1").any()
        m.d.sync += [
            record.columns.eq(kind),
            record.rounding.eq(rounding),
            *(
                record.entry[name].eq(get(name))
                for name in ("offset", "multiplier", "b_zero_point", "shift")
            ),
            self._strange.eq((kind > max(Columns)) | (rounding > max(Rounding)) | reserved),
        ]

    def _high(self, m: Module, record, word: Value) -> None:
        """Take the other 16 bytes."""
        for name in ("zero_point", "low", "high"):
            m.d.sync += record[name].eq(view(SETTINGS, word, 16, name))
        with m.If(view(SETTINGS, word, 16, "reserved2").any()):
            m.d.sync += self._strange.eq(1)

    def _illegal(self, m: Module, record) -> Value:
        """Tell whether the record is illegal; what columns bring is looked at when it is used."""
        own = record.columns != Columns.ALL
        return (
            self._strange | (record.low > record.high) | (own & strange(self.params, record.entry))
        )
