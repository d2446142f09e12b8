"""Systolic matrix multiplication."""

BENCHMARKS = {"gemm-cycles": "gemmule.tb.systolic.benchmark_gemm_cycles"}
STIMULI = {"gemm": "gemmule.tb.systolic.stimuli:gemm"}
