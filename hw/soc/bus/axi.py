"""AXI4: the five channels of a bus, by their canonical names."""

from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

__all__ = [
    "BLOCK_BYTES",
    "AxiReadSignature",
    "AxiSignature",
    "AxiWriteSignature",
    "Burst",
    "Response",
    "prefixed",
]

BLOCK_BYTES = 4096
"""No burst crosses a border between blocks of so many bytes."""

LONGEST = 256
"""Beats of a burst at most."""


class Burst(enum.IntEnum):
    """How the address of a burst moves."""

    FIXED = 0
    INCR = 1
    WRAP = 2


class Response(enum.IntEnum):
    """How a transfer was answered: from 2 on, by an error."""

    OKAY = 0
    EXOKAY = 1
    SLVERR = 2
    DECERR = 3


def _address(channel: str, address_width: int, id_width: int) -> dict[str, wiring.Member]:
    """Return the members of an address channel; there is no id of 0 bits."""
    fields = {
        "id": id_width,
        "addr": address_width,
        "len": 8,
        "size": 3,
        "burst": 2,
        "lock": 1,
        "cache": 4,
        "prot": 3,
        "qos": 4,
        "valid": 1,
    }
    members = {f"a{channel}{name}": Out(width) for name, width in fields.items() if width}
    return members | {f"a{channel}ready": In(1)}


def _read(address_width: int, data_width: int, id_width: int) -> dict[str, wiring.Member]:
    return {
        **_address("r", address_width, id_width),
        **({"rid": In(id_width)} if id_width else {}),
        "rdata": In(data_width),
        "rresp": In(2),
        "rlast": In(1),
        "rvalid": In(1),
        "rready": Out(1),
    }


def _write(address_width: int, data_width: int, id_width: int) -> dict[str, wiring.Member]:
    return {
        **_address("w", address_width, id_width),
        "wdata": Out(data_width),
        "wstrb": Out(data_width // 8),
        "wlast": Out(1),
        "wvalid": Out(1),
        "wready": In(1),
        **({"bid": In(id_width)} if id_width else {}),
        "bresp": In(2),
        "bvalid": In(1),
        "bready": Out(1),
    }


class AxiReadSignature(wiring.Signature):
    """The channels AR and R of AXI4, as the manager drives them.

    Parameters
    ----------
    address_width : int
        32 to 64.
    data_width : int
        32 to 512, a power of two.
    id_width : int
        With 0 there are no ids.

    Members
    -------
    arid, araddr, arlen, arsize, arburst, arlock, arcache, arprot, arqos, arvalid : Out
    arready : In
    rid, rdata, rresp, rlast, rvalid : In
    rready : Out
    """

    def __init__(self, *, address_width: int, data_width: int, id_width: int = 1):
        self.address_width, self.data_width, self.id_width = address_width, data_width, id_width
        super().__init__(_read(address_width, data_width, id_width))


class AxiWriteSignature(wiring.Signature):
    """The channels AW, W and B of AXI4, as the manager drives them.

    Parameters are those of :class:`AxiReadSignature`.

    Members
    -------
    awid, awaddr, awlen, awsize, awburst, awlock, awcache, awprot, awqos, awvalid : Out
    awready : In
    wdata, wstrb, wlast, wvalid : Out
    wready : In
    bid, bresp, bvalid : In
    bready : Out
    """

    def __init__(self, *, address_width: int, data_width: int, id_width: int = 1):
        self.address_width, self.data_width, self.id_width = address_width, data_width, id_width
        super().__init__(_write(address_width, data_width, id_width))


class AxiSignature(wiring.Signature):
    """All five channels of AXI4, as the manager drives them.

    Parameters are those of :class:`AxiReadSignature`; members those of both halves.
    """

    def __init__(self, *, address_width: int, data_width: int, id_width: int = 1):
        self.address_width, self.data_width, self.id_width = address_width, data_width, id_width
        sizes = (address_width, data_width, id_width)
        super().__init__(_write(*sizes) | _read(*sizes))


def prefixed(prefix: str, signature: wiring.Signature) -> dict[str, wiring.Member]:
    """Return the members of ``signature`` as ``<prefix>_<name>``: the ports of a top module."""
    return {f"{prefix}_{name}": member for name, member in signature.members.items()}
