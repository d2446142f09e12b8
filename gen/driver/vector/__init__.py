"""Sums, products and functions of elements and rows by commands."""
