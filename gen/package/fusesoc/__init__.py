"""Gemmule as a generator of FuseSoC: a core of one's own states options, not files."""
