"""Systolic matrix multiplication."""

BENCHES = {"gemm-cycles": "gemmule.tb.systolic.figures_gemm_cycles"}
STIMULI = {"gemm": "gemmule.tb.systolic.stimuli:gemm"}
