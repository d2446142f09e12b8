# amaranth: UnusedElaboratable=no
"""What AXI asks of the DMAs is proven, for all inputs and at all times, of small ones."""

import pytest

from gemmule.hw.soc.dma import read, write
from gemmule.tb.common.module_mutants import infect

from . import dma
from .prove import prove


def reads(folder) -> bool:
    return prove(read.ReadDma(16, 32, (4, 4), under_way=2), dma.read_dma, folder)


def writes(folder) -> bool:
    small = write.WriteDma(16, 32, (4, 4), longest=2, under_way=2)
    return prove(small, dma.write_dma, folder)


@pytest.mark.parametrize("proof", [reads, writes])
def test_proof(proof, tmp_path):
    assert proof(tmp_path)


STROBES = "self.i.payload.strobes, "
QUICK = {
    "ar_changes": (reads, "read", "port.eq(held)", "port.eq(held | value)"),
    "ar_crosses_4_kb": (reads, "burst", "((blocks == 1) & (end == 0))", "(blocks == 1)"),
    "beat_lost": (reads, "read", "count == burst.length", "count >= burst.length - 1"),
    "answer_of_nothing": (writes, "write", "axi.bready.eq(~sent.empty)", "axi.bready.eq(1)"),
    "done_too_often": (writes, "write", "burst.final & ~clear)", "~clear)"),
    "awlen_long": (writes, "write_bursts", "(at - first)[:bits]", "(at - first)[:bits] + 1"),
}
SLOW = {
    "ar_falls": (reads, "read", "(~asking | axi.arready) & bursts.room", "bursts.room"),
    "ar_long": (reads, "burst", "m.d.sync += [at.eq(0), ", "m.d.sync += ["),
    "beat_untaken": (reads, "read", "rready.eq(beat.ready & ~bursts.empty)", "rready.eq(1)"),
    "reads_without_bound": (reads, "parts.under_way", "after != self.depth", "1"),
    "idle_too_early": (reads, "read", "bursts.empty & ~asking", "~asking"),
    "aw_falls": (writes, "write_bursts", "free & self.room", "self.room"),
    "w_too_early": (writes, "write_bursts", "complete.eq(head + 1)", "complete.eq(head + 2)"),
    "w_overwritten": (writes, "write_bursts", "(head[bits] != tail[bits])", "0"),
    "wlast_early": (writes, "write_bursts", f"{STROBES}ends)", f"{STROBES}1)"),
    "burst_never_cut": (writes, "write_bursts", "| (at == self.longest - 1)", ""),
    "stop_breaks_a_burst": (writes, "write_bursts", "head.eq(complete)", "head.eq(tail)"),
}  # fmt: skip
"""Mistakes: the proof that finds each, its module in `hw.soc.dma`, and what stands there then."""


@pytest.mark.parametrize(
    "mutant", [*QUICK, *(pytest.param(name, marks=pytest.mark.full) for name in SLOW)]
)
def test_mutant_is_not_proven(mutant, tmp_path, monkeypatch):
    proof, module, old, new = (QUICK | SLOW)[mutant]
    infect(monkeypatch, f"gemmule.hw.soc.dma.{module}", old, new)
    assert not proof(tmp_path)
