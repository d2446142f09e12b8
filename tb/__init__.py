"""The evidence: cocotb benches, tests, formal proofs, benchmarks."""
