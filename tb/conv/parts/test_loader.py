"""Loads from memory into an operand's banks, straight and transposed, and the passes over them."""

from dataclasses import dataclass

import numpy as np
import pytest
from amaranth import Module
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from gemmule.gen.block import Block, Channel, Memory
from gemmule.gen.compile.convolution.lower.program import Pass
from gemmule.gen.simulation.engine import build
from gemmule.gen.simulation.simulator import SimulationError, Simulator
from gemmule.golden.common.formats import Format
from gemmule.golden.common.lanes import to_words
from gemmule.golden.conv.pattern import Axis, Loop, Walk
from gemmule.hw.common.request import ADDRESS_WIDTH, request_layout
from gemmule.hw.common.stream.payload import packet_stream, vector
from gemmule.hw.conv import loader, operand
from gemmule.hw.conv.loader import load_layout
from gemmule.hw.conv.operand import pass_layout
from gemmule.hw.conv.walk_params import BpParams
from gemmule.tb.common.amaranth_streams import simulate
from gemmule.tb.conv.programs.beats import pass_beats

LANES = 3
FORMAT = Format.parse("s12")
SIZE = 2
"""Bytes of an element."""

ROOM = 32
COUNT_WIDTH = ROOM.bit_length()
"""Bits of the vectors of a request, and of the requests of a load."""


@dataclass(frozen=True, kw_only=True)
class LoadedParams(BpParams):
    """Of a buffer and its loader."""


PARAMS = LoadedParams(address_width=ROOM.bit_length() - 1, size_width=6)


class Loaded(Component):
    """A loader before an operand's buffer, as a convolution has them."""

    def __init__(self, params: BpParams, load: type = loader.Loader):
        self._loader = load(params, FORMAT, LANES, transposes=True)
        self._buffer = operand.OperandBuffer(params, FORMAT, LANES)
        vectors = packet_stream(vector(FORMAT, LANES))
        super().__init__({
            "loads": In(stream.Signature(load_layout(params, transposes=True))),
            "passes": In(stream.Signature(pass_layout(params, FORMAT))),
            "request": Out(stream.Signature(request_layout())),
            "i": In(vectors),
            "o": Out(vectors),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.loader, m.submodules.buffer = load, buffer = self._loader, self._buffer
        connect(m, flipped(self.loads), load.loads)
        connect(m, flipped(self.passes), buffer.passes)
        connect(m, load.request, flipped(self.request))
        connect(m, flipped(self.i), load.i)
        connect(m, load.o, buffer.load)
        connect(m, buffer.o, flipped(self.o))
        m.d.comb += load.released.eq(buffer.released)
        return m


BLOCK = Block("loaded", "A part.", LoadedParams, Loaded)


@dataclass
class Load:
    """A command, and what it brings: elements, of which some have no meaning."""

    fields: list[tuple[int, int]]
    vectors: np.ndarray
    known: np.ndarray


def one_load(rng: np.random.Generator, elements: np.ndarray, room: int, transposed: bool) -> Load:
    """Draw a load of nested loops over requests of a few vectors, or squares, that fit ``room``."""
    lanes = np.arange(LANES)
    taken = int(rng.integers(1, LANES + 1)) if transposed else int(rng.choice([1, 2, 7]))
    each = LANES if transposed else min(taken, room)
    counts = [1] * (PARAMS.axes + 1)
    for level in rng.permutation(len(counts)):
        counts[level] = int(rng.integers(1, max(1, room // each // int(np.prod(counts))) + 1))
    strides = rng.integers(-9, 10, len(counts)) * SIZE
    steps = sum(np.indices(counts)[n] * strides[n] for n in range(len(counts)))
    # Level 0 is the innermost.
    steps = steps.transpose(range(len(counts) - 1, -1, -1)).ravel()
    length = (taken if transposed else each) * LANES
    low, high = steps.min(), steps.max() + length * SIZE
    base = int(rng.integers(0, (elements.size * SIZE - (high - low)) // SIZE)) * SIZE - int(low)
    starts = (base + steps) // SIZE
    vectors = elements[starts[:, None, None] + np.arange(length).reshape(-1, LANES)]
    known = np.ones(vectors.shape, bool)
    if transposed:
        margin = [(0, 0), (0, LANES - taken), (0, 0)]
        vectors, known = (np.pad(part, margin).swapaxes(1, 2) for part in (vectors, known))
    loops = [
        number
        for count, stride in zip(counts, strides.tolist(), strict=True)
        for number in ((count, PARAMS.size_width + 1), (stride % 2**32, ADDRESS_WIDTH))
    ]
    fields = [(base, ADDRESS_WIDTH), (length // LANES, COUNT_WIDTH), *loops]
    vectors, known = vectors.reshape(-1, len(lanes)), known.reshape(-1, len(lanes))
    return Load([*fields, (int(np.prod(counts)), COUNT_WIDTH)], vectors, known)


def one_pass(rng: np.random.Generator, size: int, *, release: bool) -> Pass:
    """Draw a few steps over a bank, some beyond it."""
    axis = Axis(int(rng.integers(-2, 3)), size, 1)
    loop = Loop(int(rng.integers(1, 20)), (int(rng.choice([1, 2])),))
    final = bool(rng.integers(2))
    return Pass(Walk(axes=(axis,), loops=(loop,)), int(rng.integers(-2048, 2048)), release, final)


@dataclass
class Program:
    """What is sent, and the beats that must come."""

    image: np.ndarray
    loads: np.ndarray
    passes: np.ndarray
    out: np.ndarray
    known: np.ndarray
    finals: np.ndarray


def program(seed: int, banks: int = 30) -> Program:
    """Draw banks of one to four loads, and one to three passes over each."""
    rng = np.random.default_rng(seed)
    elements = rng.integers(-2048, 2048, 600)
    rows, passes, out, known, finals = [], [], [], [], []
    for _ in range(banks):
        filled: list[Load] = []
        transposes, switches, room = bool(rng.integers(2)), rng.random() < 0.3, ROOM
        for number in range(int(rng.integers(1, 5))):
            if room >= LANES:
                transposed = bool(transposes ^ (switches and number % 2))
                filled.append(one_load(rng, elements, room, transposed))
                room -= len(filled[-1].vectors)
                rows.append([*filled[-1].fields, (0, 1), (int(transposed), 1)])
        rows[-1][-2] = (1, 1)
        vectors = np.concatenate([load.vectors for load in filled])
        real_lanes = np.concatenate([load.known for load in filled])
        turns = int(rng.integers(1, 4))
        for turn in range(turns):
            step = one_pass(rng, len(vectors), release=turn == turns - 1)
            address, real = step.walk.beats()
            at = np.where(real, address, 0)
            out.append(np.where(real[:, None], vectors[at], step.pad))
            known.append(real_lanes[at] | ~real[:, None])
            finals += [*[0] * (step.walk.length - 1), int(step.final)]
            passes.append(step)
    columns = [([row[n][0] for row in rows], width) for n, (_, width) in enumerate(rows[0])]
    return Program(
        elements.astype("<i2").view(np.uint8),
        to_words(*columns),
        pass_beats(passes, PARAMS, FORMAT.width),
        np.concatenate(out),
        np.concatenate(known),
        np.array(finals),
    )


def agrees(model: Simulator, made: Program, *, width=16, latency=32, **options) -> bool:
    """Tell whether the beats are those that were loaded."""
    memory = Memory(made.image, (Channel("request", "i", LANES, FORMAT.width),), width, latency)
    send = {"loads": made.loads, "passes": made.passes}
    got = model.run(send, {"o": len(made.out)}, memory=memory, **options).received["o"]
    bits = got[:, 0].astype(np.int64) | got[:, 1].astype(np.int64) << 32
    lanes = bits[:, None] >> FORMAT.width * np.arange(LANES) & 0xFFF
    same = (lanes == made.out % 4096) | ~made.known
    return bool(same.all() and (bits >> FORMAT.width * LANES == made.finals).all())


@pytest.mark.parametrize("stall", [0.0, 0.3, 0.7])
@pytest.mark.parametrize(("width", "latency"), [(16, 32), (2, 0), (64, 7)])
def test_loads_and_passes(stall, width, latency):
    model = build(BLOCK, PARAMS)
    for seed in range(6):
        options = {"width": width, "latency": latency, "stall": stall, "seed": seed}
        assert agrees(model, program(seed), **options), seed


def test_a_reset_forgets_what_was_under_way():
    model, made = build(BLOCK, PARAMS), program(3)
    for reset_at in (45, 62, 133, 200):
        assert agrees(model, made, reset_at=reset_at)


def waits_for_a_bank(model: Simulator) -> bool:
    """Tell whether of ten loads, two a bank, two banks' are requested while none is released."""
    loops = [(1, PARAMS.size_width + 1), (0, ADDRESS_WIDTH)] * (PARAMS.axes + 1)
    fields = [(0, ADDRESS_WIDTH), (1, COUNT_WIDTH), *loops, (1, COUNT_WIDTH)]
    loads = to_words(
        *[([value] * 10, width) for value, width in fields], ([0, 1] * 5, 1), ([0] * 10, 1)
    )
    try:
        model.run({"loads": loads}, {"request": 10}, patience=50)
    except SimulationError as error:
        return "request 4 of 10" in str(error)
    return False


def test_requests_wait_for_a_bank():
    assert waits_for_a_bank(build(BLOCK, PARAMS))


def test_a_vector_a_cycle():
    """Requests of one vector each, straight and then squares, bank after bank."""
    for transposed in (False, True):
        each, banks = LANES if transposed else 1, 12
        requests = ROOM // each
        loops = [(requests, 7), (LANES * SIZE * each, 32), (1, 7), (0, 32), (1, 7), (0, 32)]
        fields = [(0, 32), (each, COUNT_WIDTH), *loops, (requests, COUNT_WIDTH), (1, 1)]
        fields.append((int(transposed), 1))
        walk = Walk(axes=(Axis(0, ROOM, 1),), loops=(Loop(requests * each, (1,)),))
        model, channels = build(BLOCK, PARAMS), (Channel("request", "i", LANES, FORMAT.width),)
        done = model.run(
            {
                "loads": to_words(*[([value] * banks, width) for value, width in fields]),
                "passes": pass_beats([Pass(walk, 0, True, True)] * banks, PARAMS, FORMAT.width),
            },
            {"o": walk.length * banks},
            memory=Memory(np.zeros(ROOM * LANES * SIZE, np.uint8), channels, LANES * SIZE, 8),
        )
        assert done.cycles <= walk.length * banks + 2 * 8


def test_what_nobody_asked_for_leaves_nothing_behind():
    """F5: whole packets that come unasked are thrown away; the next load is answered by its own."""
    dut = loader.Loader(PARAMS, FORMAT, LANES, transposes=False)
    passed = []

    async def give(ctx, value, last, *, unasked):
        ctx.set(dut.i.payload, {"data": [value] * LANES, "last": last})
        ctx.set(dut.i.valid, 1)
        await ctx.delay(1e-7)
        while not ctx.get(dut.i.ready):
            await ctx.tick()
            await ctx.delay(1e-7)
        assert ctx.get(dut.pending) == (not unasked)
        passed.extend([value] * ctx.get(dut.o.valid))
        await ctx.tick()
        ctx.set(dut.i.valid, 0)

    async def bench(ctx):
        ctx.set(dut.request.ready, 1)
        ctx.set(dut.o.ready, 1)
        for round_ in range(2):
            for value in range(3):
                await give(ctx, 100 + value, last=value != 1, unasked=True)
            loops = [{"count": 1, "stride": 0}] * (PARAMS.axes + 1)
            load = {"base": 0, "vectors": 2, "loops": loops, "requests": 1, "closes": 1}
            ctx.set(dut.loads.payload, load)
            ctx.set(dut.loads.valid, 1)
            await ctx.tick().until(dut.loads.ready)
            ctx.set(dut.loads.valid, 0)
            await ctx.tick().repeat(4)
            for value in range(2):
                await give(ctx, 10 * round_ + value, last=value == 1, unasked=False)
                assert not ctx.get(dut.faults.early)
            await ctx.tick().repeat(2)
            assert not ctx.get(dut.pending)
            ctx.set(dut.released, 1)
            await ctx.tick()
            ctx.set(dut.released, 0)

    simulate(dut, bench)
    assert passed == [0, 1, 10, 11]
