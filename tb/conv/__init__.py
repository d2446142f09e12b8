"""Convolution, forward and backward."""

BENCHMARKS = {
    "agu": "gemmule.tb.conv.benchmark_agu",
    "bp-im2col": "gemmule.tb.conv.benchmark_bp_im2col",
    "folding": "gemmule.tb.conv.benchmark_folding",
    "train": "gemmule.tb.conv.benchmark_train",
}

STIMULI = {
    "conv2d": "gemmule.tb.conv.stimuli:conv2d",
    "conv3d": "gemmule.tb.conv.stimuli:conv3d",
    "im2col": "gemmule.tb.conv.stimuli:generator",
    "zero_free": "gemmule.tb.conv.stimuli:generator",
    "bp_im2col": "gemmule.tb.conv.stimuli:generator",
}
