"""Functions of each element, softmax, layer normalization."""

from gemmule.gen.blocks.nonlinear.elementwise import ELEMENTWISE

BENCHES = {
    "nonlinear": "gemmule.tb.nonlinear.figures_nonlinear",
    "minilm-nonlinear": "gemmule.tb.nonlinear.figures_minilm",
}

STIMULI = {
    **dict.fromkeys(
        (each.name for each in ELEMENTWISE), "gemmule.tb.nonlinear.stimuli:elementwise"
    ),
    "softmax": "gemmule.tb.nonlinear.stimuli:softmax",
    "layernorm": "gemmule.tb.nonlinear.stimuli:layernorm",
}
