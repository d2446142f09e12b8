"""Named steps of a datapath: an expression becomes a wire, a register or a delay of its shape."""

from amaranth import Module, Signal, Value

__all__ = ["delay", "register", "wire"]


def wire(m: Module, name: str, value: Value) -> Signal:
    """Make a signal that equals ``value``; it names an expression that is used more than once."""
    signal = Signal(value.shape(), name=name)
    m.d.comb += signal.eq(value)
    return signal


def register(
    m: Module, name: str, value: Value, enable: Value | None = None, *, reset: bool = False
) -> Signal:
    """Make a register that takes ``value`` each cycle, or each with ``enable``."""
    signal = Signal(value.shape(), name=name, reset_less=not reset)
    if enable is None:
        m.d.sync += signal.eq(value)
    else:
        with m.If(enable):
            m.d.sync += signal.eq(value)
    return signal


def delay(m: Module, name: str, value: Value, cycles: int, *, reset: bool = False) -> Value:
    """Return ``value`` as it was ``cycles`` ago; without ``reset`` it fits shift-register LUTs."""
    for age in range(1, cycles + 1):
        late = Signal(value.shape(), name=f"{name}_{age}", reset_less=not reset)
        m.d.sync += late.eq(value)
        value = late
    return value
