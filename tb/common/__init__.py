"""What every family shares."""

BENCHES = {
    "blocks": "gemmule.tb.common.figures_blocks",
    "generate": "gemmule.tb.common.figures_generate",
    "sim-speed": "gemmule.tb.common.figures_sim_speed",
}
