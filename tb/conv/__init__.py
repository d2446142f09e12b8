"""Convolution, forward and backward."""

BENCHES = {
    "agu": "gemmule.tb.conv.figures_agu",
    "bp-im2col": "gemmule.tb.conv.figures_bp_im2col",
    "folding": "gemmule.tb.conv.figures_folding",
    "train": "gemmule.tb.conv.figures_train",
}

STIMULI = {
    "conv2d": "gemmule.tb.conv.stimuli:conv2d",
    "conv3d": "gemmule.tb.conv.stimuli:conv3d",
    "im2col": "gemmule.tb.conv.stimuli:generator",
    "zero_free": "gemmule.tb.conv.stimuli:generator",
    "bp_im2col": "gemmule.tb.conv.stimuli:generator",
}
