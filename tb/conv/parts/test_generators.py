"""The address generators in Verilator: every beat of every small layer, and no bubble."""

from itertools import islice

import numpy as np
import pytest

from gemmule.gen.blocks.conv.generators import GENERATORS, BpRun, LayerRun, WalkAdapter
from gemmule.gen.compile.convolution.encode_walk import decode, encode, padded
from gemmule.gen.compile.convolution.lower.views import gradient, im2col, loss, phases, repeated
from gemmule.gen.simulation.engine import build
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.lanes import to_words
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.operation import Method
from gemmule.golden.conv.pattern import Walk
from gemmule.golden.conv.refusal import WalkRefusal
from gemmule.hw.conv.generator import AddressGenerator
from gemmule.hw.conv.walk_params import BpParams, GeneratorParams
from gemmule.tb.conv.cases import exhaustive, layers
from gemmule.tb.conv.test_views import grids

BLOCKS = {block.name: block for block in GENERATORS}
PLAIN = GeneratorParams(address_width=12, size_width=6)
SPREAD = BpParams(address_width=16, size_width=8)
VOLUMES = BpParams(address_width=12, size_width=6, axes=3)


def plain_walks():
    """Yield the walks of all small layers forward, phase by phase, and pixel by pixel."""
    for layer in grids():
        yield im2col(layer, 2).walk
        yield repeated(gradient(layer, Method.ZERO_FREE, 2).walk, 2)
        yield from (phase.view.walk for phase in phases(layer, 2) if phase.view)


def spread_walks():
    """Yield both modes of BP-im2col, and the baseline's copy, of all small layers."""
    for layer in grids():
        inserted = gradient(layer, Method.BP_IM2COL, 2).walk
        yield from (loss(layer, Method.BP_IM2COL, 2).walk, repeated(inserted, 2), inserted)


def volume_walks():
    """Yield walks of small layers of three axes, whatever the generators can do."""
    lines = list(exhaustive(4, 3, 2))
    for number in range(0, len(lines), 3):
        lots = (lines[number], lines[number * 5 % len(lines)], lines[number * 11 % len(lines)])
        size, kernel, stride, begins, ends = zip(*lots, strict=True)
        layer = Geometry(
            batch=1,
            channels=1,
            filters=1,
            size=size,
            kernel=kernel,
            stride=stride,
            padding=(*begins, *ends),
        )
        yield from (im2col(layer).walk, loss(layer, Method.BP_IM2COL, 2).walk)
        yield repeated(gradient(layer, Method.BP_IM2COL).walk, 1)
        yield from (phase.view.walk for phase in phases(layer) if phase.view)


def check(name: str, params: GeneratorParams, walks: list[Walk], stall: float = 0.0) -> None:
    """Run all walks back to back: beats as golden, and without a stall not one cycle more."""
    made = [padded(walk, params.golden).beats() for walk in walks]
    count = sum(len(address) for address, _ in made)
    vectors = [int((address * real).max()) + 1 for address, real in made]
    result = build(BLOCKS[name], params).run(
        {"walk": encode(walks, params.golden, vectors)},
        {"o": count, "status": len(walks)},
        stall=stall,
        seed=len(walks),
    )
    assert not result.received["status"].any()
    address, real, last = decode(result.received["o"], params.golden)
    wanted = np.concatenate([keep for _, keep in made])
    assert (real == wanted).all()
    assert (address[real] == np.concatenate([at for at, _ in made])[real]).all()
    ends = np.cumsum([len(at) for at, _ in made]) - 1
    assert np.flatnonzero(last).tolist() == ends.tolist()
    if not stall:
        assert result.cycles == count + AddressGenerator.LATENCY


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize(
    ("name", "params", "walks"),
    [
        ("im2col", PLAIN, plain_walks),
        ("bp_im2col", SPREAD, spread_walks),
        ("bp_im2col", VOLUMES, volume_walks),
    ],
    ids=["plain", "spread", "volumes"],
)
def test_every_small_layer(name, params, walks, stall):
    chosen = list(walks())
    check(name, params, chosen[:: 9 if stall else 1], stall)


def test_larger_layers():
    views = (
        view
        for layer in layers(seed=3)
        for view in (im2col(layer, 2), loss(layer, Method.BP_IM2COL, 3))
    )
    check("bp_im2col", SPREAD, [view.walk for view in islice(views, 60)])


def test_the_zero_free_block_goes_phase_by_phase():
    params = GeneratorParams()
    run = BLOCKS["zero_free"].adapter.Run(size=(9, 7), kernel=(3,), stride=(2,), padding=(1,))
    job = BLOCKS["zero_free"].adapter.plan(params, run, {})
    assert job.counters["walks"] == 4
    # Of 9 x 7 pixels, those at even places meet 1 tap an axis, those at odd places 2.
    assert job.receive["o"] == (5 + 2 * 4) * (4 + 2 * 3)
    result = build(BLOCKS["zero_free"], params).run(job.send, job.receive)
    got = job.decode(result.received)
    assert (got["real"] == job.golden["real"]).all()
    assert (got["address"] == job.golden["address"]).all()


def raw_walks(model, seed: int, count: int) -> list[dict[str, int]]:
    """Draw walks of random bits but for their ``turns``, half of them with possible remainders."""
    rng = np.random.default_rng(seed)
    fields = model.manifest.stream("walk").fields
    drawn = []
    for number in range(count):
        walk = {
            f"{each.name}.{lane}": int(rng.integers(1 << each.width))
            for each in fields
            for lane in range(each.lanes)
        }
        for name in walk:
            if ".turns" in name:
                walk[name] %= 3
            elif ".part" in name and number % 2:
                walk[name] = 0
            elif ".limit" in name and number % 3:
                walk[name] |= 1 << PLAIN.size_width - 1
        drawn.append(walk)
    return drawn


def raw_beats(params, walk: dict[str, int]) -> tuple[int, list[tuple[int, int, int]]]:
    """Return the refusal and the beats of a walk, by the words of the data sheet."""
    axes, size = range(params.axes), params.size_width
    spread = [walk.get(f"axes.{a}.spread.0", 1) for a in axes]

    def jump(prefix: str) -> tuple[int, list[int], list[int]]:
        whole, part = (
            [walk.get(f"{prefix}.{name}.{a}", 0) for a in axes] for name in ("whole", "part")
        )
        return walk[f"{prefix}.step.0"], whole, part

    jumps = [jump(f"loops.{level}.jump") for level in range(params.loops)]
    address, pixel, part = jump("origin")
    if any(each[2][a] >= spread[a] for each in (*jumps, (address, pixel, part)) for a in axes):
        return WalkRefusal.SPREAD, []
    turns = [walk[f"loops.{level}.turns.0"] for level in range(params.loops)]
    left, beats, outside = list(turns), [], False
    while True:
        address %= 1 << params.address_width
        pixel = [each % (2 << size) for each in pixel]
        real = all(part[a] == 0 and pixel[a] < walk[f"axes.{a}.limit.0"] for a in axes)
        outside |= real and address >= walk["vectors.0"]
        level = next((level for level in range(params.loops) if left[level]), None)
        beats.append((address, int(real and address < walk["vectors.0"]), int(level is None)))
        if level is None:
            return WalkRefusal.OUTSIDE if outside else WalkRefusal.NONE, beats
        left[:level] = turns[:level]
        left[level] -= 1
        step, whole, more = jumps[level]
        address += step
        for a in axes:
            carry = part[a] + more[a] >= spread[a]
            part[a] += more[a] - spread[a] * carry
            pixel[a] += whole[a] + carry
            address += walk.get(f"axes.{a}.pitch.0", 0) * carry


@pytest.mark.parametrize("name", ["im2col", "bp_im2col"])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_walks_of_random_bits(name, stall):
    """F5: none hangs, none leaves its map, each says what was wrong with it, and the next is right.

    A walk without inserted zeros has a spread of 1 and no remainders.
    """
    params = PLAIN if name == "im2col" else BpParams(address_width=12, size_width=6)
    model = build(BLOCKS[name], params)
    walks = raw_walks(model, 5, 60)
    fields = model.manifest.stream("walk").fields
    send = to_words(
        *(
            ([walk[f"{each.name}.{lane}"] for walk in walks], each.width)
            for each in fields
            for lane in range(each.lanes)
        )
    )
    wanted = [raw_beats(params, walk) for walk in walks]
    beats = [beat for _, made in wanted for beat in made]
    got = model.run({"walk": send}, {"o": len(beats), "status": len(walks)}, stall=stall, seed=1)
    assert got.received["status"][:, 0].tolist() == [why for why, _ in wanted]
    assert {why for why, _ in wanted} >= set(WalkRefusal) - {WalkRefusal.SPREAD}
    assert np.array(decode(got.received["o"], params.golden)).T.tolist() == [
        list(each) for each in beats
    ]


@pytest.mark.parametrize(
    ("run", "params", "words"),
    [
        (LayerRun(size=(300, 300)), GeneratorParams(), "--address-width 16"),
        (
            LayerRun(size=(66, 8), stride=(2,)),
            GeneratorParams(size_width=6),
            "--size must be at most 64",
        ),
        (LayerRun(size=(80, 8)), GeneratorParams(size_width=6), "--size must be at most 64"),
        (LayerRun(size=(4, 4, 4)), GeneratorParams(), "3 axes"),
        (BpRun(stride=(9,), size=(20, 20)), BpParams(), "stride of 9"),
    ],
)
def test_refusals(run, params, words):
    with pytest.raises(UsageError, match=words):
        WalkAdapter(type(run)).plan(params, run, {})
