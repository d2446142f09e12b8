"""Address generators: one address and its mask a cycle, from nested counters and additions."""

from amaranth import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from gemmule.golden.conv.layout import walking
from gemmule.hw.common.layout import laid_out
from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.stream.payload import packet_stream

from .walk_params import GeneratorParams

__all__ = ["AddressGenerator", "beat_layout", "hand_over", "misfit", "walk_layout"]


def walk_layout(params: GeneratorParams) -> data.StructLayout:
    """Lay out a walk, as :func:`golden.conv.layout.walking` has it."""
    return laid_out(walking(params.golden))


def beat_layout(params: GeneratorParams) -> data.StructLayout:
    """Lay out an address, and whether a real pixel lies there.

    If not, it is padding or an inserted zero.
    """
    return data.StructLayout({"address": unsigned(params.address_width), "real": 1})


def misfit(walk: data.View) -> Value:
    """Tell whether a spread is 0 or a remainder not below its spread: there is no such walk."""
    wrong = [Const(0)]
    jumps = [walk.origin, *(loop.jump for loop in walk.loops)]
    for number, axis in enumerate(walk.axes):
        if "spread" in axis.shape().members:
            # A remainder of 0 is not below a spread of 0 either.
            wrong += [jump.part[number] >= axis.spread for jump in jumps]
    return Cat(wrong).any()


def hand_over(m: Module, passes: stream.Interface, walker: "AddressGenerator") -> data.View:
    """Hand the ``walk`` of each pass to the generator, and hold the rest of it beside that."""
    held = Signal.like(passes.payload, name="held", reset_less=True)
    m.d.comb += [
        walker.walk.valid.eq(passes.valid),
        walker.walk.payload.eq(passes.payload.walk),
        passes.ready.eq(walker.walk.ready),
    ]
    with m.If(passes.valid & passes.ready):
        for name in passes.payload.shape().members:
            if name != "walk":
                m.d.sync += held[name].eq(passes.payload[name])
    return held


class AddressGenerator(Component):
    """Walks nested loops over masked coordinates, one address and mask a cycle.

    ``address = base + sum(loop * step) + sum(position // spread * pitch)``; a beat is real where
    each position is a multiple of its spread and its pixel lies in ``0..limit - 1``. Nothing is
    divided or multiplied: a level that advances adds its precomputed jump, and the remainder of a
    position by its spread is a counter that carries into the pixel and, by the pitch, into the
    address. With a spread this is the non-zero detection of BP-im2col (arXiv 2209.09434, section
    on the address generator; there by pipelined division and without the test of the bottom and
    right edges); without it, what im2col and the zero-free order need.

    The beats are those of :meth:`golden.conv.pattern.Walk.beats`;
    :mod:`gen.compile.convolution.lower.views` has the walks of a layer.

    Latency: 1 cycle from a walk to its first beat, ``LATENCY``. Throughput: one beat a cycle,
    at the ends of loops and from one walk to the next, too. Back-pressure: a beat holds until
    it is taken; a walk is taken when the last beat of the one before it is.

    Parameters
    ----------
    params : :class:`GeneratorParams`

    Members
    -------
    walk : In(stream of walk_layout)
        The next walk; additions wrap, so that steps and pixels are given modulo their widths.
    o : Out(packet stream of beat_layout)
        Beats; ``last`` on a walk's last one.
    """

    LATENCY = 1

    def __init__(self, params: GeneratorParams):
        self.params = params
        super().__init__({
            "walk": In(stream.Signature(walk_layout(params))),
            "o": Out(packet_stream(beat_layout(params))),
        })

    def elaborate(self, platform):
        m = Module()
        take, step = self._control(m)
        held = self._hold(m, take)
        level = self._count(m, held, take, step)
        jump = self._select(m, held, level)
        carries = self._move(m, held, jump, take, step)
        self._address(m, held, jump, carries, take, step)
        # What a proof must see of the state.
        self.state = {"held": held, "jump": jump, "carries": carries, "pixels": self._pixels}
        return m

    def _control(self, m: Module) -> tuple[Value, Value]:
        """Hold ``valid`` while a walk is under way; the next one enters with its last beat."""
        step = Signal()
        take = Signal()
        m.d.comb += [
            step.eq(self.o.valid & self.o.ready),
            self.walk.ready.eq(~self.o.valid | (self.o.ready & self.o.payload.last)),
            take.eq(self.walk.valid & self.walk.ready),
        ]
        with m.If(take):
            m.d.sync += self.o.valid.eq(1)
        with m.Elif(step & self.o.payload.last):
            m.d.sync += self.o.valid.eq(0)
        return take, step

    def _hold(self, m: Module, take: Value) -> data.View:
        """Hold the loops and axes of the walk under way."""
        held = Signal(walk_layout(self.params), name="held", reset_less=True)
        with m.If(take):
            m.d.sync += [
                held.loops.eq(self.walk.payload.loops),
                held.axes.eq(self.walk.payload.axes),
            ]
        return held

    def _count(self, m: Module, held: data.View, take: Value, step: Value) -> Value:
        """Find, one-hot, the innermost level not at its end: it advances; those below restart.

        Each level counts its turns down to 0, so that the test for the end needs no bound.
        """
        level = Signal(self.params.loops)
        before = Const(1)
        for number in range(self.params.loops):
            turns = Signal(self.params.size_width, name=f"turns_{number}", reset_less=True)
            m.d.comb += level[number].eq(before & (turns != 0))
            with m.If(take):
                m.d.sync += turns.eq(self.walk.payload.loops[number].turns)
            with m.Elif(step & before):
                m.d.sync += turns.eq(Mux(turns == 0, held.loops[number].turns, turns - 1))
            before = wire(m, f"ended_{number}", before & (turns == 0))
        m.d.comb += self.o.payload.last.eq(before)
        return level

    def _select(self, m: Module, held: data.View, level: Value) -> data.View:
        """Select the jump of the level that advances, by a gated OR."""
        chosen = Signal(walk_layout(self.params)["origin"].shape, name="chosen")
        gated = 0
        for number in range(self.params.loops):
            jump = held.loops[number].jump.as_value()
            gated |= Mux(level[number], jump, 0)
        m.d.comb += chosen.as_value().eq(gated)
        return chosen

    def _move(self, m: Module, held: data.View, jump: data.View, take: Value, step: Value) -> list:
        """Move the positions, as pixels and remainders; return the carries from these to those."""
        carries, real, self._pixels = [], [], []
        for axis in range(self.params.axes):
            pixel = Signal(self.params.coordinate, name=f"pixel_{axis}", reset_less=True)
            self._pixels.append(pixel)
            carry = 0
            if self.params.spread_width:
                carry, whole = self._remainder(m, axis, held, jump, take, step)
                real.append(whole)
            origin = self.walk.payload.origin.whole[axis]
            with m.If(take):
                m.d.sync += pixel.eq(origin)
            with m.Elif(step):
                m.d.sync += pixel.eq(pixel + jump.whole[axis] + carry)
            # A pixel before the first is, without its sign, beyond every limit.
            real.append(pixel.as_unsigned() < held.axes[axis].limit)
            carries.append(carry)
        m.d.comb += self.o.payload.data.real.eq(Cat(real).all())
        return carries

    def _remainder(
        self, m: Module, axis: int, held: data.View, jump: data.View, take: Value, step: Value
    ) -> tuple[Value, Value]:
        """Move the position within its spread; return the carry, and whether the position is 0.

        The carry goes into the pixel.
        """
        part = Signal(self.params.spread_width, name=f"part_{axis}", reset_less=True)
        spread = held.axes[axis].spread
        moved = Signal(unsigned(self.params.spread_width + 1), name=f"moved_{axis}")
        carry = Signal(name=f"carry_{axis}")
        m.d.comb += [moved.eq(part + jump.part[axis]), carry.eq(moved >= spread)]
        with m.If(take):
            m.d.sync += part.eq(self.walk.payload.origin.part[axis])
        with m.Elif(step):
            m.d.sync += part.eq(Mux(carry, moved - spread, moved))
        return carry, part == 0

    def _address(
        self, m: Module, held: data.View, jump: data.View, carries: list, take: Value, step: Value
    ) -> None:
        """Move the address with the jump, and by one pitch for each carry."""
        address = self.o.payload.data.address
        crossed = self._crossed(m, held, carries) if self.params.spread_width else 0
        with m.If(take):
            m.d.sync += address.eq(self.walk.payload.origin.step)
        with m.Elif(step):
            m.d.sync += address.eq(address + jump.step + crossed)

    def _crossed(self, m: Module, held: data.View, carries: list) -> Value:
        """Sum the pitches of the axes that carry."""
        crossed = Signal(self.params.address_width, name="crossed")
        m.d.comb += crossed.eq(
            sum(Mux(carry, held.axes[axis].pitch, 0) for axis, carry in enumerate(carries))
        )
        return crossed
