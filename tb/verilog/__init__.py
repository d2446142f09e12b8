"""Tests of the Verilog writer, of what reads it, and of the engine."""
