"""Packages of blocks with AXI ports."""
