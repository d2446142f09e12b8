"""The accelerator as a block."""
