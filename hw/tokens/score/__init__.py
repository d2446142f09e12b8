"""Parts of token scores."""
