"""Wrong traffic for the token blocks, and what they report."""
