"""The compiler of convolutions: a layer in, commands, settings and an image of memory out."""
