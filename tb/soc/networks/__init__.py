"""Layers of networks through the accelerator."""
