"""Claims on the streams of any component: what is offered and not taken stands."""

from collections.abc import Iterator
from dataclasses import dataclass

from amaranth import Mux, Signal, Value
from amaranth.lib.wiring import Component, Flow

from .prove import Claims

__all__ = ["SPOILED", "Offers", "offers", "offers_stand"]

SPOILED = "spoiled"
"""The number by which a proof chooses a mutant: 0 is none; each output has two."""


@dataclass(frozen=True)
class Offers:
    """A stream, or a channel of AXI, at a component: its handshake and what goes with ``valid``."""

    name: str
    out: bool
    valid: Value
    ready: Value
    payload: tuple[Value, ...]


def offers(component: Component) -> Iterator[Offers]:
    """Find them by name: ``valid``, ``ready`` and what has the same letters before it."""
    found = {
        "__".join(map(str, path)): (member.flow is Flow.Out, Value.cast(value))
        for path, member, value in component.signature.flatten(component)
    }
    for name, (out, valid) in found.items():
        before = name.removesuffix("valid")
        if name.endswith("valid") and f"{before}ready" in found:
            payload = tuple(
                value
                for other, (way, value) in found.items()
                if other.startswith(before) and other != name and way == out and len(value)
            )
            yield Offers(before.rstrip("_"), out, valid, found[f"{before}ready"][1], payload)


def offers_stand(claims: Claims, component: Component) -> None:
    """Claim it of what the component offers; assume it of what it is offered, and nothing more.

    A mutant is what a wrapper would make of the component that breaks one output: odd numbers
    withdraw an offer that was not taken, the even ones after them flip a bit of its payload.
    """
    number, spoiled = 0, claims.choice(SPOILED)
    for each in offers(component):
        if not each.out:
            claims.keeps(each.valid, each.ready, *each.payload)
            continue
        refused = Signal(name="refused")
        withdrawn, changed = (refused & (spoiled == number + n) for n in (1, 2))
        number += 2
        valid = each.valid & ~withdrawn
        claims.m.d.sync += refused.eq(valid & ~each.ready)
        first, *others = each.payload
        claims.stands(valid, each.ready, Mux(changed, first ^ 1, first), *others)
