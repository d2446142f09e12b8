"""Training on digits with the convolutions."""
