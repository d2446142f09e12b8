"""The address generators in Verilator: every beat of every small layer, and no bubble."""

from itertools import islice

import numpy as np
import pytest

from gemmule.gen.conv.generators import GENERATORS, BpRun, LayerRun, WalkAdapter
from gemmule.gen.conv.walks import decode, encode, padded
from gemmule.gen.engine import build
from gemmule.golden.common.errors import UsageError
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.sequences import (
    bp_gradient,
    bp_loss,
    explicit_copy,
    gradient_pixels,
    im2col,
    zero_free,
)
from gemmule.golden.conv.walk import Walk
from gemmule.hw.conv.generator import AddressGenerator
from gemmule.hw.conv.walk_params import BpParams, GeneratorParams

from .cases import exhaustive, layers
from .test_golden_sequences import grids

BLOCKS = {block.name: block for block in GENERATORS}
PLAIN = GeneratorParams(address_width=12, size_width=6)
SPREAD = BpParams(address_width=16, size_width=8)
VOLUMES = BpParams(address_width=12, size_width=6, axes=3)


def plain_walks():
    """Forward, phases and pixels of all small layers."""
    for layer in grids():
        yield im2col(layer, 2)
        yield gradient_pixels(layer, 2, 2)
        yield from (phase.walk for phase in zero_free(layer, 2) if phase.walk)


def spread_walks():
    """Both modes of BP-im2col, and the baseline's copy, of all small layers."""
    for layer in grids():
        yield from (bp_loss(layer, 2), bp_gradient(layer, 2, 2), explicit_copy(layer, 2))


def volume_walks():
    """Small layers of three axes, whatever the generators can do."""
    lines = list(exhaustive(4, 3, 2))
    for number in range(0, len(lines), 3):
        lots = (lines[number], lines[number * 5 % len(lines)], lines[number * 11 % len(lines)])
        size, kernel, stride, begins, ends = zip(*lots, strict=True)
        layer = Geometry(batch=1, channels=1, filters=1, size=size, kernel=kernel, stride=stride,
                         padding=(*begins, *ends))  # fmt: skip
        yield from (im2col(layer), bp_loss(layer, 2), bp_gradient(layer))
        yield from (phase.walk for phase in zero_free(layer) if phase.walk)


def check(name: str, params: GeneratorParams, walks: list[Walk], stall: float = 0.0) -> None:
    """All walks back to back: beats as golden, and without a stall not one cycle more."""
    made = [padded(walk, params).beats() for walk in walks]
    count = sum(len(address) for address, _ in made)
    result = build(BLOCKS[name], params).run(
        {"walk": encode(walks, params)}, {"o": count}, stall=stall, seed=len(walks)
    )
    address, real, last = decode(result.received["o"], params)
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
    walks = [walk for layer in layers(seed=3) for walk in (im2col(layer, 2), bp_loss(layer, 3))]
    check("bp_im2col", SPREAD, list(islice(walks, 60)))


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


@pytest.mark.parametrize(
    ("run", "params", "words"),
    [
        (LayerRun(size=(300, 300)), GeneratorParams(), "--address-width 16"),
        (LayerRun(size=(66, 8), stride=(2,)), GeneratorParams(size_width=6), "pixels of a side"),
        (LayerRun(size=(80, 8)), GeneratorParams(size_width=6), "78 turns of a loop"),
        (LayerRun(size=(4, 4, 4)), GeneratorParams(), "3 axes"),
        (BpRun(stride=(9,), size=(20, 20)), BpParams(), "stride of 9"),
    ],
)
def test_refusals(run, params, words):
    with pytest.raises(UsageError, match=words):
        WalkAdapter(type(run)).plan(params, run, {})
