"""Systolic matrix multiplication."""

BENCHMARKS = {"gemm-cycles": "gemmule.tb.systolic.benchmark_gemm_cycles"}
