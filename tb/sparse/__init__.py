"""2:4 sparsity: format, pruning, arrays."""

BENCHMARKS = {
    "hwpq": "gemmule.tb.sparse.benchmark_hwpq",
    "sparse": "gemmule.tb.sparse.benchmark_sparse",
}

STIMULI = {
    "prune24": "gemmule.tb.sparse.stimuli:prune24",
    "sparse_gemm": "gemmule.tb.sparse.stimuli:sparse_gemm",
}
