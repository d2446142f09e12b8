"""The golden model of programs: what the compiler makes gives what the layers' formulas say."""

import numpy as np
import pytest

from gemmule.gen.blocks.conv.convolution import ConvAdapter
from gemmule.golden.common.formats import Format
from gemmule.golden.conv.geometry import Geometry
from gemmule.hw.conv.params import ConvParams, LayerParams, VolumeParams

from .carried_out import carried_out, numbers
from .cases import runs
from .stimuli import conv2d, stimulus

SMALL = ConvParams(rows=4, cols=3, x_depth=1024, w_depth=256, acc_depth=32, acc_width=36)
VOLUME = VolumeParams(rows=2, cols=2, x_depth=512, w_depth=64, acc_depth=32)


def check(params: LayerParams, run, arrays: dict[str, np.ndarray]) -> None:
    """Compare results; and all of memory, where nothing is written but them and their sign."""
    job = ConvAdapter().plan(params, run, arrays)
    after = carried_out(params.golden, *numbers(params.golden, job), job.memory.image)
    known, name = job.results(), run.operation.result
    found = job.decode(known | {"memory": after})[name]
    np.testing.assert_array_equal(found, job.golden[name])
    signed = run.c_format is None or run.c_format.signed
    if signed and run.method != "explicit" and run.op != "weight_grad":
        np.testing.assert_array_equal(after, known["memory"])


def test_a_covering_set_of_layers_and_runs():
    for seed, (geometry, run) in enumerate(runs()):
        op, method = run.pop("job")
        del run["stall"]
        check(SMALL, *stimulus(SMALL, geometry, op=op, method=method, seed=seed, **run))


@pytest.mark.parametrize("method", ["zero_free", "bp_im2col", "explicit"])
def test_volumes(method):
    layer = Geometry(
        batch=2, channels=3, filters=5, size=(4, 5, 6), kernel=(2, 3, 2), stride=(2, 1, 3),
        padding=(1, 0, 1, 0, 2, 1), dilation=(1, 2, 1),
    )  # fmt: skip
    check(VOLUME, *stimulus(VOLUME, layer, scaling="column", zeros=True))
    check(VOLUME, *stimulus(VOLUME, layer, op="transposed", method=method, scaling="bias"))


OTHERS = {
    "cascade": {"drain": "cascade", "dataflow": "os"},
    "narrow": {"x_format": "u4", "dy_format": "s2", "w_format": "s3", "acc_width": 20},
    "wide": {"dy_format": "s16", "acc_width": 40, "out_width": 48, "multiplier_width": 31},
    "unlike": {"w_format": "s16", "out_width": 12, "acc_depth": 1, "max_shift": 63},
    "unsigned": {"x_format": "u7", "w_format": "u15", "dy_format": "u3", "acc_width": 40},
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_hardware(case):
    """Numbers at the ends of their formats; results with and without a sign."""
    sizes = {"rows": 4, "cols": 3, "x_depth": 256, "w_depth": 64, "acc_depth": 32, "acc_width": 36}
    params = ConvParams(**sizes | OTHERS[case])
    ops = {"os": ("weight_grad",)}.get(params.dataflow, ("forward", "input_grad", "weight_grad"))
    rng = np.random.default_rng(3)
    for op in ops:
        for method in ("zero_free", "bp_im2col", "explicit"):
            for result in ("s8", f"u{params.out_width}"):
                run = ConvAdapter.Run(
                    op=op, method=method, stride=(2,), padding=(1,), c_format=Format.parse(result),
                    kernel=(2, 3) if op == "weight_grad" else None,
                )  # fmt: skip
                check(params, run, conv2d(params, run, rng))


def test_a_layer_of_a_common_network():
    """Whole tiles of 16 by 16, and products by the dozen."""
    layer = Geometry(batch=1, channels=64, filters=64, size=(16, 16), kernel=(3, 3), padding=1)
    params = ConvParams()
    for op in ("forward", "input_grad", "weight_grad"):
        check(params, *stimulus(params, layer, op=op, scaling="column", zeros=True))
