"""Functions of each element, softmax, layer normalization."""

BENCHES = {
    "nonlinear": "gemmule.tb.nonlinear.figures_nonlinear",
    "minilm-nonlinear": "gemmule.tb.nonlinear.figures_minilm",
}

_ELEMENTWISE = (
    "gelu",
    "sigmoid",
    "tanh",
    "silu",
    "hardswish",
    "hardsigmoid",
    "exp",
    "reciprocal",
    "rsqrt",
)

STIMULI = {
    **dict.fromkeys(_ELEMENTWISE, "gemmule.tb.nonlinear.stimuli:elementwise"),
    "softmax": "gemmule.tb.nonlinear.stimuli:softmax",
    "layernorm": "gemmule.tb.nonlinear.stimuli:layernorm",
}
