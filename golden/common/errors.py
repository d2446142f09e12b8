"""The one exception that means: what was asked for is not legal."""

__all__ = ["UsageError"]


class UsageError(ValueError):
    """Wrong use: one sentence that names the option or array, its value, and what is allowed.

    The command line prints it and exits with 2; nothing has been written by then.
    """
