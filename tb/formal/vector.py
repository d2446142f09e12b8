"""Claims on the vector unit: what it offers and is not taken stands, while memory answers as asked.

Its lanes and functions may give anything, at any time: the claims hold of whatever they do.
"""

from pathlib import Path

from amaranth import Signal
from amaranth.hdl import ValueLike
from amaranth.lib import data
from amaranth.lib.wiring import Component

from gemmule.golden.soc.commands import VectorFunction
from gemmule.hw.soc.vector import unit as hardware
from gemmule.hw.soc.vector.params import VectorUnitParams

from .prove import Claims, Model
from .streams import offers_stand

__all__ = ["model", "unit"]

PARAMS = VectorUnitParams(
    lanes=1,
    functions=("layernorm", "transpose"),
    max_length=4,
    multiplier_width=2,
    max_shift=3,
    address_width=8,
)

FREE = ("combiner", "before", "functions", "after")
"""Parts that compute."""

TAKE, START, RECORD, LOOK, SCALE, BEGIN, RUN, TELL = range(8)
"""States of a command."""


def unit() -> Component:
    """Build a small unit."""
    return hardware.VectorUnit(PARAMS)


def model(folder: Path) -> Model:
    """Build the unit and its claims."""
    return Model(unit(), _unit, folder, cut=("$mul",), most=16)


def _unit(claims: Claims, dut: Component) -> None:
    offers_stand(claims, dut)
    for part in FREE:
        claims.free(part)
    state = claims.inside("fsm_state")
    _settings(claims, dut, state)
    _end(claims, dut, state)


def _settings(claims: Claims, dut: Component, state: Signal) -> None:
    """Claim that one request for settings is open at a time, in the states that wait for it.

    Memory gives what was asked for, and nothing after a packet's last vector.
    """
    asks, record, there = (
        claims.inside(name) for name in ("asks_affine", "record.asks", "record.there")
    )
    request, comes, m = dut.request_settings, dut.data_settings, claims.m
    opened = Signal(name="opened")
    with m.If(request.valid & request.ready):
        m.d.sync += opened.eq(1)
    with m.Elif(comes.valid & comes.ready & comes.p.last):
        m.d.sync += opened.eq(0)
    claims.assume(~comes.valid | opened)
    # No row is normalized before gamma and beta are there, so none ends.
    over = claims.inside("write_c.over")
    claims.assume(~over | (state != RUN) | ~(opened | asks))

    def where(fact: ValueLike, *states: int) -> None:
        claims.holds(~fact | state.matches(*states))

    where(record, RECORD)
    where(there, RECORD)
    where(asks, RUN)
    where(opened, RECORD, RUN)
    # Behind settings that are illegal no one takes gamma and beta, so they are not asked for.
    normalizes = claims.inside("function") == VectorFunction.LAYERNORM
    claims.holds(~asks | normalizes)
    claims.holds(~opened | (state != RUN) | normalizes)
    claims.holds(record + there + asks + opened <= 1)
    where(claims.inside("behind.begun"), RECORD)
    # The length of gamma and beta is that of the command's columns, from the second cycle on.
    length, n = (
        claims.inside("affine_length"),
        data.View(dut.command.p.shape(), claims.inside("job")).n,
    )
    where(length != n << 2, TAKE, START)


def _end(claims: Claims, dut: Component, state: Signal) -> None:
    """Claim that nothing comes once a command's end is told: its cause stands.

    A write is answered once, and what is read has come when the last row is out.
    """
    under_way, ended, over = (
        claims.inside(f"write_c.{name}") for name in ("under_way", "ended", "over")
    )
    claims.assume(~dut.done_c.valid | (under_way != 0))
    claims.assume((state != TELL) | ~(dut.data_a.valid | dut.data_b.valid))
    # Results end with the last row.
    claims.assume(~claims.inside("write_c.goes") | ~ended)
    claims.holds(~over | (ended & (under_way == 0)))
    claims.holds((state != TELL) | over)
