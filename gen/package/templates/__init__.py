"""Jinja templates of the files that `generate` writes around the Verilog."""
