"""Helpers that every family's tests share."""
