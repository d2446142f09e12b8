"""Settings of columns: fetched a block at a time, and held until its last product began."""

from amaranth import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.common.requantize import STEP, Rounding
from gemmule.golden.soc.commands import COLUMN, SETTINGS, Columns
from gemmule.golden.soc.record import Record
from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.wide import WideSum
from gemmule.hw.soc.dma.request import read_stream, request_layout

from .layouts import DIM, JOBS, issue_layout, settings_layout
from .params import COLUMNS, RESULT, ProductUnitParams

__all__ = ["BANKS", "SettingsFetch", "SettingsIssue", "bank_layout", "entry_layout"]

BANKS = 2
"""Blocks of columns whose settings are at hand."""


def _view(record: Record, word: Value, first: int, name: str) -> Value:
    """Return a field of a record whose bytes from ``first`` on are ``word``."""
    entry = record[name]
    low = 8 * (entry.offset - first)
    bits = word[low : low + 8 * entry.octets]
    return bits.as_signed() if entry.signed else bits


def entry_layout() -> data.StructLayout:
    """Lay out a column's settings, as they lie in memory."""
    return data.StructLayout({
        each.name: signed(8 * each.octets) if each.signed else unsigned(8 * each.octets)
        for each in COLUMN.entries
        if not each.reserved
    })


def bank_layout() -> data.StructLayout:
    """Lay out what a bank says for all of its columns: a settings record, without its gaps."""
    number = signed(RESULT)
    return data.StructLayout({
        "columns": unsigned(2),
        "rounding": Rounding,
        "entry": entry_layout(),
        "zero_point": number,
        "low": number,
        "high": number,
    })


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
        behind = Signal(DIM + 5, reset_less=True)
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
            return _view(SETTINGS, word, 0, name)

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
            m.d.sync += record[name].eq(_view(SETTINGS, word, 16, name))
        with m.If(_view(SETTINGS, word, 16, "reserved2").any()):
            m.d.sync += self._strange.eq(1)

    def _illegal(self, m: Module, record) -> Value:
        """Tell whether the record is illegal; what columns bring is looked at when it is used."""
        own = record.columns != Columns.ALL
        return (
            self._strange | (record.low > record.high) | (own & strange(self.params, record.entry))
        )


def strange(params: ProductUnitParams, entry: Value) -> Value:
    """Tell whether the requantizer has no place for a column's settings."""
    zero = entry.b_zero_point
    width = params.w_format.width + 1
    return (
        entry.multiplier[params.multiplier_width :].any()
        | (entry.shift > params.max_shift)
        | (zero[width - 1 :].any() & ~zero[width - 1 :].all())
        | (zero.any() & (not params.b_zero_points))
    )


class SettingsIssue(wiring.Component):
    """Begin the products of blocks: a command, and the settings of each of its tiles.

    Latency: 1 cycle to the command, ``cols`` to the settings of a tile, 1 where all columns have
    the same. Throughput: a tile in ``cols`` cycles, or in 1. Back-pressure: ``command`` and
    ``scale`` wait alone. Errors: ``wrong`` tells the job of a column's settings that are illegal.

    Members
    -------
    issue : In(stream of :func:`issue_layout`)
    bank : In([BANKS] x :func:`bank_layout`), full : In(BANKS)
    place : Out, entry : In(unsigned(128))
        A column's settings, a cycle after it was asked for.
    free : Out(1)
        The oldest bank's last product began.
    command : Out(stream of `gemm`'s), scale : Out(stream of packets of lanes)
    wrong : Out(1), job : Out(range(JOBS))
    """

    def __init__(self, params: ProductUnitParams, command: stream.Signature, scale):
        self.params = params
        super().__init__({
            "issue": In(stream.Signature(issue_layout(params))),
            "bank": In(bank_layout()).array(BANKS),
            "full": In(BANKS),
            "place": Out(range(BANKS * COLUMNS)),
            "entry": In(128),
            "free": Out(1),
            "command": Out(command),
            "scale": Out(scale),
            "wrong": Out(1),
            "job": Out(range(JOBS)),
        })

    def elaborate(self, platform):
        m = Module()
        params = self.params
        block = Signal(self.issue.p.shape(), reset_less=True)
        turn = Signal()
        bank = Signal(bank_layout(), reset_less=True)
        column, tile = Signal(range(COLUMNS + 1)), Signal(range(params.most_tiles + 1))
        lane = Signal(range(params.cols))
        given = Signal(entry_layout())
        shared = wire(m, "shared", bank.columns == Columns.NONE)
        offsets = wire(m, "offsets", bank.columns == Columns.OFFSETS)
        m.d.comb += [
            self.place.eq(
                Cat(Mux(offsets, column >> 2, column)[: (COLUMNS - 1).bit_length()], turn)
            ),
            self.job.eq(block.job),
        ]
        # A column asked for in this cycle is at hand in the next.
        asked, late = Signal(), Signal.like(column)
        words = self.entry
        m.d.comb += given.eq(bank.entry)
        with m.If(offsets):
            m.d.comb += given.offset.eq(words.word_select(late[:2], 32).as_signed())
        with m.Elif(~shared):
            for name, _ in entry_layout():
                m.d.comb += given[name].eq(_view(COLUMN, words, 0, name))
        wrong = wire(
            m,
            "wrong_column",
            strange(params, given) | (~shared & ~offsets & _reserved(words)),
        )
        folded = Signal(params.lane)
        self._fold(m, folded, given, wrong)
        lanes = self.scale.p.data
        shift = wire(m, "shift_in", asked)
        with m.FSM():
            with m.State("TAKE"):
                m.d.comb += self.issue.ready.eq(1)
                m.d.sync += block.eq(self.issue.p)
                with m.If(self.issue.valid):
                    m.next = "BANK"
            with m.State("BANK"):
                m.d.sync += [column.eq(0), tile.eq(block.tiles), lane.eq(0)]
                for n, each in enumerate(self.bank):
                    with m.If(turn == n):
                        m.d.sync += bank.eq(each)
                with m.If(self.full.bit_select(turn, 1)):
                    m.next = "COMMAND"
            with m.State("COMMAND"):
                m.d.comb += self.command.valid.eq(1)
                with m.If(self.command.ready):
                    m.next = "GATHER"
            with m.State("GATHER"):
                m.d.sync += [
                    asked.eq(1),
                    late.eq(column),
                    column.eq(column + 1),
                    lane.eq(lane + 1),
                ]
                with m.If(shared | (lane == params.cols - 1)):
                    m.next = "SETTLE"
            with m.State("SETTLE"):
                m.d.sync += [asked.eq(0), lane.eq(0)]
                m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += [self.scale.valid.eq(1), self.scale.p.last.eq(tile == 1)]
                with m.If(self.scale.ready):
                    m.d.sync += tile.eq(tile - 1)
                    m.next = "GATHER"
                    with m.If(tile == 1):
                        m.d.comb += self.free.eq(block.free)
                        m.d.sync += turn.eq(turn ^ block.free)
                        m.next = "TAKE"
        # Only columns that count may be wrong: those beyond the last one are not even loaded.
        counts = late < block.columns
        m.d.comb += self.wrong.eq(shift & wrong & counts & ~shared)
        with m.If(shift & shared):
            m.d.sync += [each.eq(folded) for each in lanes]
        with m.Elif(shift):
            m.d.sync += [
                each.eq(lanes[n + 1] if n + 1 < params.cols else folded)
                for n, each in enumerate(lanes)
            ]
        command = self.command.p
        m.d.comb += [
            command.m.eq(block.rows),
            command.n.eq(block.columns),
            command.k.eq(block.k),
            command.rounding.eq(bank.rounding),
            command.zero_point.eq(bank.zero_point),
            command.low.eq(bank.low),
            command.high.eq(bank.high),
        ]
        return m

    def _fold(self, m: Module, folded, given, wrong: Value) -> None:
        """Do as :func:`golden.common.requantize.normalize_scale`: whole steps, then the rest."""
        params = self.params
        fine, drop = given.shift[: STEP.bit_length() - 1], given.shift[STEP.bit_length() - 1 :]
        multiplier = given.multiplier[: params.multiplier_width]
        scaled = Signal(params.multiplier_width + STEP)
        m.d.comb += scaled.eq((multiplier << STEP) >> fine)
        m.d.comb += [
            folded.offset.eq(given.offset),
            folded.multiplier.eq(scaled),
            folded.drop.eq(Mux(wrong, 0, drop)),
        ]
        if "b_zero_point" in folded.shape().members:
            m.d.comb += folded.b_zero_point.eq(given.b_zero_point)


def _reserved(words: Value) -> Value:
    return _view(COLUMN, words, 0, "reserved0").any() | _view(COLUMN, words, 0, "reserved1").any()
