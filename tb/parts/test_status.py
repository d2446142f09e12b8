"""Side streams: nothing waits for their reader, and a gap in what it reads is told."""

from collections import deque

import numpy as np
import pytest
from amaranth.lib import data

from gemmule.golden.common.codes import Code
from gemmule.hw.common.stream.status import FaultLayout, SideQueue, status_layout
from gemmule.tb.common.amaranth_streams import simulate

WORD = data.StructLayout({"number": 16, "lost": 1})


class Answer(Code):
    NONE = 0, "carried out"
    UNKNOWN = 1, "there is no such kind"
    EMPTY = 2, "a size is 0"


def model(depth, writes, reads):
    """Model what a reader takes, cycle by cycle: an offered word, and those that wait behind it."""
    offered, waiting, gap, taken = None, deque(), 0, []
    for number, (writes_now, reads_now) in enumerate(zip(writes, reads, strict=True)):
        came = (number, 0) if writes_now else None
        if offered is None:
            offered, came = came, None
        if offered is not None and reads_now:
            taken.append((number, *offered))
            offered = None
            if waiting:
                offered, gap = (waiting.popleft(), gap), 0
            elif came:
                offered, came = came, None
        if came:
            if len(waiting) == depth:
                waiting.popleft()
                gap = 1
            waiting.append(came[0])
    return taken


@pytest.mark.parametrize("depth", [2, 16])
@pytest.mark.parametrize("rates", [(0.3, 0.9), (0.9, 0.3), (1.0, 1.0), (0.5, 0.5), (1.0, 0.02)])
def test_side_queue(depth, rates):
    """Row E: words come at any time; what is taken, and when, is the model's, gaps included."""
    rng = np.random.default_rng(depth)
    writes, reads = (rng.random(300) < rate for rate in rates)
    dut, taken = SideQueue(WORD, depth), []

    async def bench(ctx):
        held = None
        for cycle, (write, read) in enumerate(zip(writes, reads, strict=True)):
            ctx.set(dut.i.valid, int(write))
            # Without an offer, the wires carry something else.
            ctx.set(dut.i.payload, {"number": cycle if write else 0xDEAD, "lost": 1})
            ctx.set(dut.o.ready, int(read))
            await ctx.delay(1e-7)
            word = tuple(ctx.get(dut.o.payload)[name] for name in ("number", "lost"))
            if held:
                assert ctx.get(dut.o.valid)
                assert word == held, "an offer changed before it was taken"
            held = word if ctx.get(dut.o.valid) and not read else None
            if ctx.get(dut.o.valid) and read:
                taken.append((cycle, *word))
            await ctx.tick()

    simulate(dut, bench)
    assert taken == model(depth, writes, reads)
    if rates[1] < rates[0] / 2:
        assert any(lost for _cycle, _number, lost in taken)


def test_status_layout():
    layout = status_layout(Answer, ("a", "b"))
    assert list(layout.members) == ["refused", "a", "b", "lost"]
    assert layout["refused"].width == 2
    assert layout["b"].shape == FaultLayout
    assert Answer.EMPTY.text == "a size is 0"
