"""Tests of the accelerator."""

BENCHMARKS = {"soc": "gemmule.tb.soc.benchmark_soc"}
