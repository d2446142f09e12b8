"""Functions of each element, softmax, layer normalization."""

from gemmule.gen.blocks.nonlinear.elementwise import ELEMENTWISE

BENCHMARKS = {
    "nonlinear": "gemmule.tb.nonlinear.benchmark_nonlinear",
    "minilm-nonlinear": "gemmule.tb.nonlinear.benchmark_minilm",
}

STIMULI = {
    **dict.fromkeys(
        (each.name for each in ELEMENTWISE), "gemmule.tb.nonlinear.stimuli:elementwise"
    ),
    "softmax": "gemmule.tb.nonlinear.stimuli:softmax",
    "layernorm": "gemmule.tb.nonlinear.stimuli:layernorm",
}
