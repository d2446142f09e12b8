"""Convolutions by commands."""
