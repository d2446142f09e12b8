"""Tests of the accelerator."""
