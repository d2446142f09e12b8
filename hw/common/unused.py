"""Components that are made for their ports alone."""

from collections.abc import Mapping
from typing import TypeVar

from amaranth import Elaboratable
from amaranth.lib.wiring import Component

__all__ = ["looked_at"]

Made = TypeVar("Made", bound=Component)


def looked_at(component: Made) -> Made:
    """Return ``component``, which will not be elaborated, and of which Amaranth is not to warn.

    Its signature is wanted, which no one but the component knows; what it holds is marked, too.
    """
    _mark(component)
    return component


def _mark(held: object) -> None:
    # Amaranth has no other way to say so than the comment "amaranth: UnusedElaboratable=no", which
    # would hide components that a whole file forgot.
    if isinstance(held, Elaboratable) and not held._MustUse__used:
        held._MustUse__used = True
        _mark(vars(held))
    elif isinstance(held, Mapping):
        for each in held.values():
            _mark(each)
    elif isinstance(held, list | tuple):
        for each in held:
            _mark(each)
