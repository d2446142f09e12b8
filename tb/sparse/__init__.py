"""2:4 sparsity: format, pruning, arrays."""

BENCHES = {
    "hwpq": "gemmule.tb.sparse.figures_hwpq",
    "sparse": "gemmule.tb.sparse.figures_sparse",
}

STIMULI = {
    "prune24": "gemmule.tb.sparse.stimuli:prune24",
    "sparse_gemm": "gemmule.tb.sparse.stimuli:sparse_gemm",
}
