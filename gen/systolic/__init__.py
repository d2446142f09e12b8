"""Systolic matrix multiplication."""
