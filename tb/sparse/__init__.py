"""2:4 sparsity: format, pruning, arrays."""

BENCHMARKS = {
    "hwpq": "gemmule.tb.sparse.benchmark_hwpq",
    "sparse": "gemmule.tb.sparse.benchmark_sparse",
}
