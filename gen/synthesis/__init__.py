"""Synthesis: what Yosys maps a block to on a board, and the largest array that fits."""
