"""Begins the products of blocks, each tile with the settings of its columns."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.common.requantize import STEP
from gemmule.golden.soc.commands import COLUMN, Columns
from gemmule.hw.common.pipeline import wire

from .layouts import JOBS, issue_layout
from .params import COLUMNS, ProductUnitParams
from .settings import BANKS, bank_layout, entry_layout, strange, view

__all__ = ["SettingsIssue"]


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
                m.d.comb += given[name].eq(view(COLUMN, words, 0, name))
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
    return view(COLUMN, words, 0, "reserved0").any() | view(COLUMN, words, 0, "reserved1").any()
