"""Ports of a block that a processor drives: registers, memory, interrupt."""

from collections.abc import Mapping
from dataclasses import dataclass

from gemmule.gen.verilog.manifest import Manifest, PortInfo

__all__ = ["CLOCK", "INTERRUPT", "MEMORY", "REGISTERS", "RESET", "AxiPorts", "axi_ports"]

CLOCK, RESET, INTERRUPT = "aclk", "aresetn", "interrupt"
REGISTERS, MEMORY = "s_axi", "m_axi"


@dataclass(frozen=True)
class AxiPorts:
    """Those of registers and of memory, by their names in AXI as ``awaddr``."""

    registers: Mapping[str, PortInfo]
    memory: Mapping[str, PortInfo]

    @property
    def page(self) -> int:
        """Bits of an address among the registers."""
        return self.registers["awaddr"].width

    @property
    def address_width(self) -> int:
        """Bits of an address in memory."""
        return self.memory["araddr"].width

    @property
    def data_width(self) -> int:
        """Bits of a beat to and from memory."""
        return self.memory["rdata"].width

    @property
    def id_width(self) -> int:
        """Bits of an identifier; 0 without one."""
        return self.memory["arid"].width if "arid" in self.memory else 0


def axi_ports(manifest: Manifest) -> AxiPorts | None:
    """Return the AXI ports of a block; None for a block that is not driven through registers."""

    def behind(prefix: str) -> dict[str, PortInfo]:
        begin = f"{prefix}_"
        return {
            each.name.removeprefix(begin): each
            for each in manifest.ports
            if each.name.startswith(begin)
        }

    found = AxiPorts(behind(REGISTERS), behind(MEMORY))
    lone = {CLOCK, RESET, INTERRUPT} <= {each.name for each in manifest.ports}
    is_whole = "awaddr" in found.registers and "araddr" in found.memory and lone
    return found if is_whole else None
