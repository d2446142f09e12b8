"""Arrays to verify blocks with when the user gives none: the accelerator's tests bring their own."""

STIMULI: dict = {}
