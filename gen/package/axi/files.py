"""The package of a block with AXI ports."""

from collections.abc import Mapping

from gemmule.gen.package.common import (
    Texts,
    Wanted,
    common_files,
    common_texts,
    common_view,
    primitives,
)
from gemmule.gen.package.render import TEMPLATES, render
from gemmule.hw.common.unused import looked_at
from gemmule.hw.soc.register_map import register_map

from .component_xml import component_xml
from .header import LAYOUT, configuration_header, layout_header
from .ports import CLOCK, AxiPorts

__all__ = ["axi_package"]


def axi_package(wanted: Wanted, ports: AxiPorts) -> tuple[Texts, Texts]:
    """Return the texts of the files, and what each of them is."""
    name, values = wanted.name, _constants(wanted)
    view = common_view(wanted, top=name, clock=CLOCK, rtl=[f"{name}.v"])
    files = {"synthesis": list(view["rtl"]), "simulation": [*view["rtl"], *view["models"]]}
    what = {
        **common_files(name),
        "component.xml": "IP-XACT: the block for Vivado's IP catalog",
        f"{name}.h": "C: what the constant registers of this configuration read",
        f"{name}_litex.py": "LiteX: a module with its buses, memory access and interrupt",
        LAYOUT: "C: registers, records and codes, the same for all configurations",
        **dict.fromkeys(primitives(wanted), "behavior of a device primitive, for simulation alone"),
    }
    view |= {"files": what, "ports": ports}
    texts = {
        **common_texts(wanted, view),
        "component.xml": component_xml(wanted.emitted.manifest, ports, files, values),
        f"{name}.h": configuration_header(name, values),
        LAYOUT: layout_header(),
        f"{name}_litex.py": render(TEMPLATES, "litex.py", view | {"verilog": view["rtl"]}),
    }
    return texts, what


def _constants(wanted: Wanted) -> Mapping[str, int]:
    """Return the words of the registers that are constant, as the component has them."""
    component = looked_at(wanted.block.component(wanted.params))
    found = getattr(component, "constants", {})
    return {name: found[name] for name in register_map() if name in found}
