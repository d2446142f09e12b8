"""The accelerator as a block."""

from gemmule.gen.block import Block
from gemmule.hw.soc.accelerator import Accelerator
from gemmule.hw.soc.params import AcceleratorParams

from .adapter import AcceleratorAdapter

__all__ = ["BLOCKS"]

VECTORS = {"vector_lanes": 16, "functions": "gelu,softmax,layernorm,transpose"}
"""The vector unit of the larger presets: what a transformer's block needs."""

CONVOLUTIONS = {"convolution": "conv2d", "x_depth": 4096, "w_depth": 4096}
"""The convolution unit of the larger presets."""

BLOCKS = (
    Block(
        "accelerator",
        "Multiply matrices in memory by commands, behind AXI, with an interrupt and drivers.",
        AcceleratorParams,
        Accelerator,
        bus_adapter=AcceleratorAdapter(),
        presets={
            "tiny": {"rows": 4, "cols": 4, "bank_bytes": 8192, "data_width": 32},
            "zcu102": {
                "rows": 64,
                "cols": 32,
                "cell": "dsp48e2",
                "pack": "n",
                "bank_bytes": 1 << 18,
                **VECTORS,
                **CONVOLUTIONS,
            },
            "vc709": {
                "rows": 64,
                "cols": 32,
                "cell": "dsp48e1",
                "pack": "n",
                "bank_bytes": 1 << 18,
                **VECTORS,
                **CONVOLUTIONS,
            },
        },
    ),
)
