"""The token blocks at the corners of their options and runs."""
