"""What can become of a command that was begun."""

from .commands import Cause

__all__ = ["Failure"]


class Failure(Exception):
    """A command that was begun and not carried out: its ``cause``, and an ``address``."""

    def __init__(self, cause: Cause, address: int):
        super().__init__(cause.text)
        self.cause = cause
        self.address = address
