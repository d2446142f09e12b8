"""Tokens of vision transformers: scores, selection, packing. Integers in, integers out."""
