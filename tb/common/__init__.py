"""What every family shares."""

BENCHES = {
    "generate": "gemmule.tb.common.figures_generate",
    "sim-speed": "gemmule.tb.common.figures_sim_speed",
}
