"""Properties of the token blocks proven, and broken copies of them."""
