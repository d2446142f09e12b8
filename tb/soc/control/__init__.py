"""Tests of control and its registers."""
