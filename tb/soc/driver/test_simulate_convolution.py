"""`simulate accelerator --as conv2d` and `conv3d`: what the block of that name gives."""

import numpy as np
import pytest

from gemmule.gen.catalog import find
from gemmule.gen.cli.info import describe
from gemmule.gen.simulation.simulate import GoldenMismatch, Simulation, simulate
from gemmule.golden.common.errors import UsageError
from gemmule.golden.conv.geometry import Geometry
from gemmule.hw.conv.params import ConvParams, VolumeParams
from gemmule.hw.soc.params import AcceleratorParams
from gemmule.tb.conv.stimuli import stimulus

BLOCK = find("accelerator")
SIZES = {"x_depth": 256, "w_depth": 64, "acc_depth": 32, "acc_width": 36}
SMALL = {"bank_bytes": 4096, "data_width": 64, **SIZES}
PLANE = AcceleratorParams(rows=4, cols=4, convolution="conv2d", dataflow="both", **SMALL)
VOLUME = AcceleratorParams(rows=2, cols=4, convolution="conv3d", **SMALL)
OWN = {
    "conv2d": ConvParams(rows=4, cols=4, **SIZES),
    "conv3d": VolumeParams(rows=2, cols=4, **SIZES),
}

LAYER = {"batch": 2, "channels": 5, "filters": 6, "kernel": 2, "stride": 2, "padding": 1}


def sent(params: AcceleratorParams, run, arrays: dict, as_: str, stall: float = 0.0) -> Simulation:
    """Return what a run gives."""
    given = {name: value for name, value in vars(run).items() if value is not None}
    options = BLOCK.runs.Run(as_=as_, **given)
    return simulate(BLOCK, params, arrays, run=options, stall=stall, seed=1)


@pytest.mark.parametrize(
    ("op", "method"),
    [
        ("forward", "zero_free"),
        ("input_grad", "zero_free"),
        ("weight_grad", "bp_im2col"),
        ("transposed", "explicit"),
    ],
)
def test_as_conv2d(op, method):
    layer = Geometry(size=(7, 6), **LAYER)
    run, arrays = stimulus(OWN["conv2d"], layer, op=op, method=method, scaling="column", zeros=True)
    found = sent(PLANE, run, arrays, "conv2d", stall=0.3)
    own = simulate(find("conv2d"), OWN["conv2d"], arrays, run=run)
    (name,) = own.outputs
    np.testing.assert_array_equal(found.outputs[name], own.outputs[name])
    assert found.outputs[name].dtype == own.outputs[name].dtype
    assert (found.macs, found.counters["commands"]) == (own.macs, 1)
    assert found.counters["register_writes"] <= 2
    assert 0 < found.utilization < 1


def test_as_conv3d():
    layer = Geometry(size=(3, 4, 5), **LAYER | {"batch": 1})
    run, arrays = stimulus(OWN["conv3d"], layer, scaling="tensor", zeros=True)
    found = sent(VOLUME, run, arrays, "conv3d")
    own = simulate(find("conv3d"), OWN["conv3d"], arrays, run=run)
    np.testing.assert_array_equal(found.outputs["y"], own.outputs["y"])


def test_wrong_results_are_seen(monkeypatch):
    """The comparison can fail."""
    run, arrays = stimulus(OWN["conv2d"], Geometry(size=(3, 3), **LAYER))
    role = BLOCK.runs.Run(as_="conv2d").role
    monkeypatch.setattr(role, "golden", lambda *_: np.zeros((2, 6, 2, 2), np.int64))
    with pytest.raises(GoldenMismatch):
        sent(PLANE, run, arrays, "conv2d")


PLAIN = AcceleratorParams(rows=2, cols=2, bank_bytes=1024)
STATIONARY = AcceleratorParams(rows=4, cols=4, convolution="conv2d", **SMALL)

REFUSED = {
    "no unit": (PLAIN, "conv2d", "forward", "--as conv2d needs .* --convolution conv2d, not none$"),
    "other unit": (VOLUME, "conv2d", "forward", "--as conv2d needs .* conv2d, not conv3d$"),
    "dataflow": (STATIONARY, "conv2d", "weight_grad", "weight_grad needs --dataflow os or both"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_come_before_anything_is_built(case):
    params, as_, op, sentence = REFUSED[case]
    run, arrays = stimulus(OWN["conv2d"], Geometry(size=(3, 3), **LAYER), op=op)
    with pytest.raises(UsageError, match=sentence):
        sent(params, run, arrays, as_)


def test_options_are_those_of_the_blocks():
    run = BLOCK.runs.Run
    with pytest.raises(UsageError, match="--stride is an option of conv2d, conv3d"):
        run(stride=2)
    with pytest.raises(UsageError, match="--op must be one of forward, transposed, not 'input_"):
        run(as_="conv3d", op="input_grad")
    assert run(as_="conv2d", stride="2,1").own == find("conv2d").adapter.Run(stride=(2, 1))
    about = describe(BLOCK)
    texts = [each["text"] for each in about["inputs"] if each["name"] == "dy"]
    assert texts == ["conv2d: gradient of the output"]
