# amaranth: UnusedElaboratable=no
"""Shared cells: one module in the Verilog, ordinary submodules in Amaranth's simulator."""

import pytest
from amaranth.hdl import Fragment
from amaranth.sim import Simulator

from gemmule.gen.docs.examples.own_block import ADDER, Adder, AdderParams, Lane
from gemmule.gen.verilog.emit import emit
from gemmule.hw.common.shared import Library, shared

PARAMS = AdderParams(lanes=2)


def test_amaranths_simulator_sees_ordinary_submodules():
    adder = Adder(PARAMS)

    async def bench(ctx):
        ctx.set(adder.command.payload, -3)
        ctx.set(adder.x.payload, {"data": [100, -100], "last": 1})
        ctx.set(adder.y.payload, {"data": [27, -28], "last": 1})
        for stream in (adder.command, adder.x, adder.y):
            ctx.set(stream.valid, 1)
        await ctx.tick()
        assert ctx.get(adder.total.valid)
        assert list(ctx.get(adder.total.payload.data)) == [124, -131]

    simulator = Simulator(adder)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_equal_keys_share_a_definition_and_others_do_not():
    library = Library()
    other = AdderParams(lanes=2, format="s4")
    cells = [Fragment.get(shared(Lane(p), p), library) for p in (PARAMS, PARAMS, other)]
    assert cells[0].type == cells[1].type != cells[2].type
    assert len(library.texts) == 2


@pytest.mark.parametrize("lanes", [1, 16])
def test_the_verilog_grows_by_an_instance_a_lane(lanes):
    verilog = emit(ADDER, AdderParams(lanes=lanes)).verilog
    assert verilog.count("\nmodule ") == 2
    assert verilog.count("adder_lane lane_") == lanes
