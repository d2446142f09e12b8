"""Functions of each element, softmax, layer normalization."""

BENCHMARKS = {
    "nonlinear": "gemmule.tb.nonlinear.benchmark_nonlinear",
    "minilm-nonlinear": "gemmule.tb.nonlinear.benchmark_minilm",
}
