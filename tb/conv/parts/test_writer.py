# amaranth: UnusedElaboratable=no
"""Results and copies go to their places, masked ones nowhere."""

from dataclasses import dataclass

import numpy as np
import pytest

from gemmule.gen.block import Block
from gemmule.gen.compile.convolution.encode_walk import fields
from gemmule.gen.simulation.engine import build
from gemmule.gen.simulation.simulator import SimulationError, Simulator
from gemmule.golden.common.lanes import to_words
from gemmule.golden.common.memory import LENGTH_WIDTH
from gemmule.golden.conv.pattern import Axis, Loop, Walk
from gemmule.hw.conv.params import ConvParams
from gemmule.hw.conv.writer import Writer

PARAMS = ConvParams(rows=3, cols=2, x_format="u8", out_width=20, acc_width=24, size_width=6)
WRITER = Block("writer", "A part.", ConvParams, Writer)
LANES, WIDTH = 3, 20
"""Of what is written."""


@dataclass
class Program:
    """What is sent, and the requests and vectors that must come; ``known`` bits of these count."""

    send: dict[str, np.ndarray]
    request: np.ndarray
    o: np.ndarray
    known: np.ndarray


def walk(rng: np.random.Generator) -> Walk:
    """Draw some steps over a line of places, the first and last of which may be masked."""
    axis = Axis(int(rng.integers(-3, 3)), int(rng.integers(1, 9)), int(rng.integers(1, 99)))
    loops = (Loop(int(rng.integers(1, 9)), (1,)), Loop(int(rng.integers(1, 4)), (0,), 1000))
    return Walk(axes=(axis,), loops=loops, base=int(rng.integers(1000, 2**32 - 10**5)))


def program(seed: int, count: int = 30) -> Program:
    """Draw packets of results and of copies, in any order."""
    rng = np.random.default_rng(seed)
    places, requests, lasts, vectors = [], [], [], {"c": [], "a": []}
    out, known, ends = [], [], {"c": [], "a": []}
    for _ in range(count):
        copied = bool(rng.integers(2))
        name, lanes = ("a", PARAMS.rows) if copied else ("c", PARAMS.cols)
        low, high = (-256, 256) if copied else (-(1 << WIDTH - 1), 1 << WIDTH - 1)
        way, length, size = walk(rng), int(rng.integers(1, lanes + 1)), int(rng.integers(4))
        address, real = way.beats()
        drawn = rng.integers(low, high, (len(address), lanes))
        vectors[name].append(drawn)
        ends[name] += [*[0] * (len(address) - 1), 1]
        places.append([
            *fields(way, PARAMS.places.golden),
            (length, LENGTH_WIDTH),
            (size, 2),
            (int(copied), 1),
        ])
        requests += [(at, length, size) for at in address[real].tolist()]
        # A copy's sign fills its element, of 16 bits, and is not carried up.
        bits = drawn % (1 << min(16, WIDTH) if copied else 1 << WIDTH)
        beyond = [(0, 0), (0, LANES - lanes)]
        out.append(np.pad(bits, beyond)[real])
        known.append(np.pad(np.full(drawn.shape, -1), beyond)[real])
        lasts += (np.arange(len(address)) == len(address) - 1)[real].tolist()
    send = {
        name: to_words((np.concatenate(drawn), width), (ends[name], 1))
        for (name, drawn), width in zip(vectors.items(), (WIDTH, 9), strict=True)
    }
    columns = [([row[n][0] for row in places], width) for n, (_, width) in enumerate(places[0])]
    send["places"] = to_words(*columns)
    columns = zip(np.array(requests).T, (32, LENGTH_WIDTH, 2), strict=True)
    both = (
        to_words((np.concatenate(lanes), WIDTH), (flags, 1))
        for lanes, flags in ((out, lasts), (known, [1] * len(lasts)))
    )
    return Program(send, to_words(*columns), *both)


def agrees(model: Simulator, seed: int, stall: float) -> bool:
    """Tell whether a program's requests and vectors are those expected."""
    made = program(seed)
    counts = {"request": len(made.request), "o": len(made.o)}
    try:
        got = model.run(made.send, counts, stall=stall, seed=seed, patience=200).received
    except SimulationError:
        return False
    vectors = got["o"] & made.known == made.o
    return bool((got["request"] == made.request).all() and vectors.all())


@pytest.mark.parametrize("stall", [0.0, 0.3, 0.8])
def test_requests_and_vectors(stall):
    for seed in range(4):
        assert agrees(build(WRITER, PARAMS), seed, stall), seed


def test_a_vector_a_cycle():
    """From a result to its request and its vector: a cycle each, and one for the first."""
    way = Walk(axes=(), loops=(Loop(40, ()),), base=64)
    row = [*fields(way, PARAMS.places.golden), (2, LENGTH_WIDTH), (0, 2), (0, 1)]
    send = {
        "places": to_words(*[([value] * 5, width) for value, width in row]),
        "c": to_words((np.zeros((200, 2), int), WIDTH), ([*[0] * 39, 1] * 5, 1)),
    }
    done = build(WRITER, PARAMS).run(send, {"request": 200, "o": 200})
    assert done.cycles <= 203
