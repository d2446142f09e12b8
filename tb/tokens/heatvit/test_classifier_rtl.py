"""HeatViT's classifier on the shared blocks: every layer, nonlinearity and reduction in RTL."""

import numpy as np
import pytest
from numpy.typing import NDArray

from gemmule.gen.block import Block
from gemmule.gen.blocks.tokens.score import ScoreRun
from gemmule.gen.catalog import find
from gemmule.gen.simulation.simulate import simulate
from gemmule.gen.synthesis.synth import synthesize
from gemmule.golden.common.formats import Format
from gemmule.golden.tokens.heatvit import SUM, UNIT, Ops, Selector
from gemmule.golden.tokens.scores import weighted
from gemmule.hw.systolic.params import GemmParams
from gemmule.hw.tokens.params import SelectorParams

from .classifier import FloatSelector, quantized

pytestmark = pytest.mark.full
U16 = Format(signed=False, width=16)


def _function(block: Block, x: NDArray, out: Format) -> NDArray[np.int64]:
    params = block.params(in_format=SUM, out_format=out)
    return simulate(block, params, {"x": x}).outputs["y"].astype(np.int64)


def _gemm(a: NDArray, b: NDArray, c_format: str | None = None, **arrays) -> NDArray[np.int64]:
    block = find("gemm")
    run = block.adapter.Run(c_format=c_format)
    arrays = {"a": a, "b": b} | {name: each for name, each in arrays.items() if each is not None}
    simulation = simulate(block, GemmParams(rows=8, cols=8), arrays, run=run)
    return simulation.outputs["c"].astype(np.int64)


RTL = Ops(
    gemm=_gemm,
    gelu=lambda x: _function(find("gelu"), x, UNIT),
    sigmoid=lambda x, out: _function(find("sigmoid"), x, out),
    softmax=lambda x, out: _function(find("softmax"), x, out),
)


def test_the_whole_classifier_in_rtl():
    """Its layers on `gemm`, `gelu`, `sigmoid`, `softmax`, its reduction on `token_score`."""
    rng = np.random.default_rng(17)
    classifier = FloatSelector.random(3, 16, 3, rng)
    arrays = quantized(classifier, rng.normal(0, 1, (21, 48)))
    valid = rng.random(21) < 0.9
    selector = Selector.check(arrays)
    golden = selector.heads_of(arrays["tokens"], valid, U16)
    rtl = selector.heads_of(arrays["tokens"], valid, U16, RTL)
    for got, want in zip(rtl, golden, strict=True):
        assert (got == want).all()
    block = find("token_score")
    given = arrays | {"valid": valid}
    scored = simulate(block, block.params(), given, run=ScoreRun(score="heatvit"))
    assert (scored.outputs["scores"] == weighted(*rtl)).all()


def test_the_selector_of_16_lanes_is_small():
    """On ZCU102 at most 1,500 LUT, and a DSP a lane and two more."""
    report = synthesize("selector", SelectorParams(), "zcu102")
    assert report.lut <= 1500
    assert report.dsp <= 16 + 2
