"""conv2d and conv3d in Verilator, equal to golden in every operation, method and option."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from gemmule.gen.blocks.conv.convolution import CONVOLUTIONS, ConvAdapter
from gemmule.gen.compile.convolution.layer import ConvRun, VolumeRun
from gemmule.gen.simulation.simulate import simulate
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.conv.geometry import Geometry
from gemmule.hw.conv.params import ConvParams, VolumeParams

from .cases import runs
from .stimuli import stimulus

CONV2D, CONV3D = CONVOLUTIONS
SMALL = ConvParams(rows=4, cols=3, x_depth=1024, w_depth=256, acc_depth=32, acc_width=36)
VOLUME = VolumeParams(rows=2, cols=2, x_depth=512, w_depth=64, acc_depth=32, dataflow="ws")
OTHER = {"rows": 4, "cols": 3, "x_depth": 256, "w_depth": 64, "acc_depth": 32, "acc_width": 36}
CHAINED = {
    "dy_format": "s16",
    "acc_width": 40,
    "out_width": 48,
    "cell": "dsp48e2",
    "drain": "cascade",
}
WIDE = ConvParams(**OTHER | CHAINED)


def check(block, params, geometry, seed=0, stall=0.0, **options):
    run, arrays = stimulus(params, geometry, seed=seed, **options)
    return simulate(block, params, arrays, run=run, stall=stall, seed=seed)


def test_a_covering_set_of_layers_and_runs():
    """Results are golden's; cycles, where nothing stalls, the model's.

    Not all to the cycle: the model's loads never wait for the sixteen that can be under way, and a
    product of a few beats may be a cycle or two off.
    """
    exact = []
    for seed, (geometry, run) in enumerate(runs()):
        op, method = run.pop("job")
        done = check(CONV2D, SMALL, geometry, seed, op=op, method=method, **run)
        if not run["stall"]:
            off = abs(done.cycles - done.counters["modeled_cycles"])
            assert off <= 0.01 * done.cycles, (geometry, op, method)
            exact.append(off == 0)
    assert len(exact) > 30
    assert np.mean(exact) > 0.9


@pytest.mark.full
@pytest.mark.parametrize("seed", range(1, 9))
def test_more_covering_sets(seed):
    for number, (geometry, run) in enumerate(runs(seed)):
        op, method = run.pop("job")
        check(CONV2D, SMALL, geometry, number, op=op, method=method, **run)


VOLUMES = [
    Geometry(
        batch=2,
        channels=3,
        filters=5,
        size=(4, 5, 6),
        kernel=(2, 3, 2),
        stride=(2, 1, 3),
        padding=(1, 0, 1, 0, 2, 1),
        dilation=(1, 2, 1),
    ),
    Geometry(
        batch=1,
        channels=2,
        filters=4,
        size=(3, 3, 3),
        kernel=(3, 3, 3),
        stride=2,
        padding=1,
        groups=2,
    ),
    Geometry(batch=1, channels=1, filters=1, size=(1, 1, 1), kernel=(1, 1, 1)),
]


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("geometry", VOLUMES, ids=["unequal", "groups", "one"])
def test_volumes(geometry, stall):
    check(CONV3D, VOLUME, geometry, 1, stall, scaling="column", zeros=True)
    for method in ("zero_free", "bp_im2col", "explicit"):
        check(CONV3D, VOLUME, geometry, 2, stall, op="transposed", method=method, scaling="bias")


ARRAYS = [
    CHAINED,
    *(
        pytest.param(options, marks=pytest.mark.full)
        for options in (
            {"drain": "cascade"},
            {"pipeline": 1},
            {"cell": "dsp48e1"},
            {"cell": "dsp48e2"},
            {"cell": "dsp48e1", "drain": "cascade"},
            {"cell": "dsp48e2", "pipeline": 1},
            {"cell": "dsp48e2", "pack": "n", "dataflow": "ws", "cols": 4},
            {"cell": "dsp48e1", "pack": "n", "dataflow": "ws", "cols": 4},
        )
    ),
]


@pytest.mark.parametrize("options", ARRAYS, ids=str)
def test_other_arrays(options):
    """Also tiles of fewer beats than rows, where sums leave over the cascade."""
    params = ConvParams(**OTHER | options)
    for seed, (geometry, run) in enumerate(list(runs(3))[::6]):
        op, method = run.pop("job")
        if op == "weight_grad" and params.dataflow == "ws":
            continue
        done = check(CONV2D, params, geometry, seed, op=op, method=method, **run)
        if not run["stall"]:
            assert done.cycles == pytest.approx(done.counters["modeled_cycles"], rel=0.01)


@pytest.mark.parametrize("op", ["forward", "input_grad", "weight_grad"])
def test_gradients_of_sixteen_bits(op):
    """As they are, and scaled up to results of 40 bits, which take 8 bytes in memory."""
    layer = Geometry(
        batch=2, channels=3, filters=5, size=(6, 5), kernel=(3, 2), stride=(2, 1), padding=1
    )
    run, arrays = stimulus(WIDE, layer, op=op)
    rng = np.random.default_rng(4)
    for name, array in arrays.items():
        fmt = getattr(WIDE, f"{name}_format")
        array[...] = rng.integers(fmt.low, fmt.high + 1, array.shape)
        array.flat[:2] = fmt.low, fmt.high
    assert simulate(CONV2D, WIDE, arrays, run=run).golden_match
    arrays |= {"multiplier": np.array([65535]), "shift": np.array([0])}
    run = replace(run, c_format=Format.parse("s40"))
    for stall in (0.0, 0.5):
        (result,) = simulate(CONV2D, WIDE, arrays, run=run, stall=stall).outputs.values()
        assert np.abs(result).max() > 1 << 31


def test_operands_of_unlike_formats():
    """Copies keep their sign in wider elements, row sums of narrow operands and idle lanes fit."""
    params = ConvParams(
        rows=4,
        cols=2,
        w_format="s16",
        acc_width=25,
        out_width=12,
        acc_depth=1,
        c_depth=1,
        x_depth=1024,
        w_depth=1024,
    )
    layer = Geometry(batch=1, channels=1, filters=2, size=(24, 25), kernel=(2, 2), stride=2)
    check(CONV2D, params, layer, op="weight_grad", method="explicit", scaling="column")
    one = replace(layer, kernel=(1, 1), stride=1)
    scales = {"multiplier": np.array([1]), "shift": np.array([14])}
    run, arrays = stimulus(params, one, op="weight_grad")
    run = replace(run, c_format=Format.parse("u12"))
    arrays |= scales | {"dy_zero_point": np.array([-128]), "bias": np.full(2, 1 << 25)}
    arrays["x"][...] = 127
    assert simulate(CONV2D, params, arrays, run=run).golden_match
    run, arrays = stimulus(params, one)
    arrays |= scales | {"x_zero_point": np.array([-128]), "w_zero_point": np.array([-32768])}
    arrays["x"][...] = 127
    assert simulate(CONV2D, params, arrays, run=run).golden_match


@pytest.mark.full
def test_results_narrower_than_operands():
    layer = Geometry(batch=1, channels=2, filters=3, size=(3, 3), kernel=(2, 2))
    params = ConvParams(rows=2, cols=2, out_width=4)
    run, arrays = stimulus(params, layer, scaling="column")
    arrays["zero_point"][...] = 0
    simulate(CONV2D, params, arrays, run=replace(run, c_format=Format.parse("s4")))


def test_a_result_that_no_product_meets():
    """A pixel of dx that all outputs step over is its bias alone, and nothing is loaded for it."""
    layer = Geometry(
        batch=1, channels=2, filters=2, size=(1, 1), kernel=(1, 1), stride=2, padding=1
    )
    done = check(CONV2D, SMALL, layer, op="input_grad", scaling="bias")
    assert done.cycles == done.counters["modeled_cycles"]


def test_cycles_of_a_layer_that_fills_the_array():
    """The loads hide behind the products: what is lost is padding, the start and the end."""
    layer = Geometry(
        batch=2, channels=32, filters=30, size=(14, 14), kernel=(3, 3), stride=2, padding=1
    )
    needed = {"forward": 0.8, "input_grad": 0.8, "weight_grad": 0.8}
    for op, least in needed.items():
        assert check(CONV2D, SMALL, layer, op=op).utilization > least, op


@pytest.mark.parametrize("op", ["forward", "input_grad", "weight_grad"])
def test_cycles_of_a_depthwise_layer(op):
    """Three groups at once on three columns: nine taps of each pixel of ten dense groups."""
    layer = Geometry(
        batch=1, channels=30, filters=30, size=(14, 14), kernel=(3, 3), padding=1, groups=30
    )
    done = check(CONV2D, replace(SMALL, acc_depth=256), layer, op=op, scaling="tensor")
    assert done.cycles == pytest.approx(done.counters["modeled_cycles"], abs=2)
    assert done.cycles < 1.1 * 9 * 14 * 14 * 10


LAYER = Geometry(batch=1, channels=4, filters=6, size=(5, 5), kernel=(3, 3), padding=1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"op": "input_grad"}, "needs the array dy"),
        ({"output_padding": (1,)}, "--output-padding is for --op transposed"),
        ({"kernel": (3,)}, "--kernel is for --op weight_grad"),
        ({"input_height": 4}, "--input-height and --input-width are for"),
        (
            {"groups": 3},
            "w has 4 channels of a group, and --groups 3 of them are 12 channels, but x",
        ),
        ({"padding": (1, 2, 3)}, "--padding must be one, 2 or 4"),
        ({"clamp": (5, 2)}, "--clamp"),
    ],
)
def test_runs_that_are_refused(change, words):
    _, arrays = stimulus(SMALL, LAYER)
    with pytest.raises(UsageError, match=words):
        ConvAdapter().plan(SMALL, ConvRun(**change), arrays)


def test_arrays_that_are_refused():
    run, arrays = stimulus(SMALL, LAYER)
    for change, words in (
        ({"x": arrays["x"] * 2}, "s8 holds"),
        ({"x": arrays["x"][0]}, "must have shape"),
        ({"dy": arrays["x"]}, "takes x and w, not dy"),
        ({"x_zero_point": np.array([1, 2])}, "x_zero_point"),
        ({"shift": np.array([1])}, "without multiplier"),
    ):
        with pytest.raises(UsageError, match=words):
            ConvAdapter().plan(SMALL, run, arrays | change)
    run, arrays = stimulus(SMALL, LAYER, op="input_grad")
    with pytest.raises(UsageError, match=r"dy must be \[5, 6\] pixels"):
        ConvAdapter().plan(SMALL, ConvRun(op="input_grad", padding=(1,), input_width=6), arrays)


def test_sums_that_could_overflow_are_refused_by_the_taps_that_meet():
    """Padding all around one pixel: of nine taps one meets it, and one product needs no more."""
    one = Geometry(batch=1, channels=2, filters=1, size=(1, 1), kernel=(3, 3), padding=1)
    narrow = ConvParams(rows=2, cols=2, acc_width=17)
    run, arrays = stimulus(narrow, one)
    ConvAdapter().plan(narrow, run, arrays)
    two = Geometry(batch=1, channels=2, filters=1, size=(1, 2), kernel=(3, 3), padding=1)
    run, arrays = stimulus(narrow, two)
    with pytest.raises(UsageError, match="takes --acc-width 18"):
        ConvAdapter().plan(narrow, run, arrays)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"x_depth": 100}, "--x-depth must be a power of 2"),
        ({"w_depth": 32, "rows": 8}, "--w-depth must be at least 40, a block of --rows 8 channels"),
        ({"x_format": "u16"}, "--x-format u16 and --dy-format s8 share their lanes"),
        ({"acc_width": 12}, "--acc-width must be at least 16"),
        ({"dataflow": "is"}, "--dataflow must be one of"),
    ],
)
def test_parameters_that_are_refused(change, words):
    with pytest.raises(UsageError, match=words):
        ConvParams(**change)


def test_an_operation_that_the_hardware_lacks():
    run, arrays = stimulus(SMALL, LAYER, op="weight_grad")
    with pytest.raises(UsageError, match="needs --dataflow os"):
        ConvAdapter().plan(ConvParams(dataflow="ws"), run, arrays)
    with pytest.raises(UsageError, match="--op must be one of forward, transposed"):
        VolumeRun(op="weight_grad")


def test_the_covering_set_is_whole():
    seen = list(islice(runs(), 400))
    assert {run["job"] for _, run in seen} >= {("weight_grad", "bp_im2col")}
    assert {geometry.channels for geometry, _ in seen} >= {1, 3, 16, 17, 40}
