"""Simulation: a block compiled with Verilator, its runs, and its external memory."""
