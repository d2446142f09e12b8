"""Commands for programs of convolutions: what they mean, and what of them is refused."""
