"""Parts of token selection."""
