"""From parameters to files: Verilog, packages, simulations, reports."""
