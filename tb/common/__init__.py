"""What every family shares."""

BENCHMARKS = {
    "blocks": "gemmule.tb.common.benchmark_blocks",
    "generate": "gemmule.tb.common.benchmark_generate",
    "sim-speed": "gemmule.tb.common.benchmark_sim_speed",
}
