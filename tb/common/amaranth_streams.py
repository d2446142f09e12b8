"""Sources and sinks of streams for Amaranth's own simulator, with random stalls."""

from collections.abc import Callable

from amaranth import ClockDomain, Module
from amaranth.sim import Simulator

__all__ = ["receive", "send", "simulate"]


async def send(ctx, stream, items, rng, stall: float) -> None:
    """Offer each item, until it is taken; before each, wait at random."""
    for item in items:
        while rng.random() < stall:
            await ctx.tick()
        ctx.set(stream.payload, item)
        ctx.set(stream.valid, 1)
        taken = False
        while not taken:
            _clk, _rst, taken = await ctx.tick().sample(stream.ready)
        ctx.set(stream.valid, 0)


async def receive(ctx, stream, count: int, rng, stall: float, read: Callable | None = None):
    """Receive ``count`` items; return them and their cycles. An offer not taken must stand."""
    read = read or (lambda payload: payload)
    items, offered, cycles = [], None, 0
    while len(items) < count:
        ready = int(rng.random() >= stall)
        ctx.set(stream.ready, ready)
        _clk, _rst, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
        cycles += 1
        item = read(payload) if valid else None
        assert offered is None or item == offered, "an offer did not stand"
        offered = None if ready else item
        if valid and ready:
            items.append(item)
    ctx.set(stream.ready, 0)
    return items, cycles


def simulate(dut, *benches: Callable, steps: int = 20_000) -> None:
    """Run the benches to their ends; each is called with the simulator's context."""
    top = Module()
    top.domains.sync = ClockDomain()  # which a part without registers lacks
    top.submodules.dut = dut
    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    for bench in benches:
        simulator.add_testbench(bench)
    for _ in range(steps):
        if not simulator.advance():
            return
    raise TimeoutError(f"the benches did not finish in {steps} steps")
