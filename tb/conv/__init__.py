"""Convolution, forward and backward."""

BENCHES: dict[str, str] = {}

STIMULI = {
    "conv2d": "gemmule.tb.conv.stimuli:conv2d",
    "conv3d": "gemmule.tb.conv.stimuli:conv3d",
}
