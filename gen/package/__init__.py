"""The package: the folder that a user takes away, with its data sheet and its tests."""
