"""What goes through every block of the catalog."""

BENCHMARKS = {
    "blocks": "gemmule.tb.blocks.benchmark_blocks",
    "generate": "gemmule.tb.blocks.benchmark_generate",
    "sim-speed": "gemmule.tb.blocks.benchmark_sim_speed",
}
