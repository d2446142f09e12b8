"""cocotb benches that every block shares, and what runs them."""
