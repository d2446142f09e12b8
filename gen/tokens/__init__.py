"""Token selection for vision transformers."""
