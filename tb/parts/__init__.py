"""Tests of hw/common, part by part."""
