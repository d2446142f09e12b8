"""Tests of files: boards, the cache, archives, what is written."""
