"""HeatViT: its classifier, and the schedule of an encoder's products."""
