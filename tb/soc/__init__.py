"""Tests of the accelerator."""

BENCHMARKS = {
    "gradients": "gemmule.tb.soc.networks.gradients",
    "networks": "gemmule.tb.soc.networks.benchmark",
    "soc": "gemmule.tb.soc.benchmark_soc",
    "transformer": "gemmule.tb.soc.block.benchmark_block",
    "vector": "gemmule.tb.soc.block.benchmark_vector",
}
