"""AXI4-Lite: AXI of single beats without ids, as registers have it."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["AxiLiteSignature"]


class AxiLiteSignature(wiring.Signature):
    """The five channels of AXI4-Lite, as the manager drives them.

    Parameters
    ----------
    address_width : int
    data_width : int
        32 or 64.

    Members
    -------
    awaddr, awprot, awvalid : Out
    awready : In
    wdata, wstrb, wvalid : Out
    wready : In
    bresp, bvalid : In
    bready : Out
    araddr, arprot, arvalid : Out
    arready : In
    rdata, rresp, rvalid : In
    rready : Out
    """

    def __init__(self, *, address_width: int, data_width: int = 32):
        self.address_width, self.data_width = address_width, data_width
        address = {"addr": Out(address_width), "prot": Out(3), "valid": Out(1), "ready": In(1)}
        super().__init__({
            **{f"aw{name}": member for name, member in address.items()},
            "wdata": Out(data_width),
            "wstrb": Out(data_width // 8),
            "wvalid": Out(1),
            "wready": In(1),
            "bresp": In(2),
            "bvalid": In(1),
            "bready": Out(1),
            **{f"ar{name}": member for name, member in address.items()},
            "rdata": In(data_width),
            "rresp": In(2),
            "rvalid": In(1),
            "rready": Out(1),
        })
