"""Convolution, forward and backward."""

BENCHMARKS = {
    "agu": "gemmule.tb.conv.benchmark_agu",
    "bp-im2col": "gemmule.tb.conv.benchmark_bp_im2col",
    "folding": "gemmule.tb.conv.benchmark_folding",
    "train": "gemmule.tb.conv.training.benchmark_train",
}
