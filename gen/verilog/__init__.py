"""Verilog: components emitted, merged, bordered by AXI4-Streams, and what its ports are."""
