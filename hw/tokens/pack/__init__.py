"""Parts of token packing."""
