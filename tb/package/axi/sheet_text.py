"""The worked example of an accelerator's data sheet, read from its text and replayed on a bus."""

import re

__all__ = ["BASE", "memory_of", "replay", "steps_of"]

BASE = 0x1000_0000

BLOCK = r"^```%s\n(.*?)^```$"


def _block(text, name):
    (found,) = re.findall(BLOCK % name, text, re.M | re.S)
    return [line.split("#")[0].split() for line in found.splitlines()]


def memory_of(text, when, size):
    """Return the bytes of memory ``before`` or ``after``."""
    octets = bytearray(size)
    for address, digits in _block(text, f"hex {when}"):
        place = int(address, 16) - BASE
        octets[place : place + 16] = bytes.fromhex(digits)
    return bytes(octets)


def steps_of(text, which):
    """Return the accesses of ``ring`` or ``direct``: (what, address, value)."""
    return [
        (line[0], *(int(each, 16) for each in line[1:])) for line in _block(text, f"steps {which}")
    ]


def replay(text, which, bus):
    """Carry the example out on a bus whose memory begins at ``BASE``; return memory afterwards."""
    size = bus.memory.size
    bus.memory[:] = list(memory_of(text, "before", size))
    bus.for_device(0, size)
    for what, *access in steps_of(text, which):
        if what == "wait":
            bus.wait(1e-3, interrupt=True)
        elif what == "write":
            bus.write32(*access)
        else:
            address, value = access
            tries = 100 if what == "until" else 1
            assert any(bus.read32(address) == value for _ in range(tries)), hex(address)
    bus.for_host(0, size)
    return bytes(bus.memory)
