"""Arrays to verify blocks with when the user gives none: the accelerator has its own tests."""

STIMULI: dict = {}
