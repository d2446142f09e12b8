"""The package of a block with AXI ports."""

from collections.abc import Mapping
from importlib.resources import files

from gemmule.gen.package.common import (
    Texts,
    Wanted,
    common_files,
    common_texts,
    common_view,
    primitives,
)
from gemmule.gen.package.render import CONSTRAINTS, TEMPLATES, render
from gemmule.hw.common.unused import looked_at
from gemmule.hw.soc.register_map import register_map

from .component_xml import ACCESS, component_xml, vlnv
from .header import LAYOUT, configuration_header, layout_header
from .ports import CLOCK, AxiPorts
from .sheet import sheet_of

__all__ = ["DRIVER", "axi_package"]

DRIVER = {
    "gemmule.h": "C: the driver's functions, the same for all configurations",
    "gemmule.c": "C: the driver, C11 without a library",
    "main.c": "C: an example, which multiplies two matrices",
}
"""Files of the driver, the same in all packages."""


def axi_package(wanted: Wanted, ports: AxiPorts) -> tuple[Texts, Texts]:
    """Return the texts of the files, and what each of them is."""
    name, values = wanted.name, _constants(wanted)
    version = wanted.emitted.manifest.versions["gemmule"]
    view = common_view(wanted, top=name, clock=CLOCK, rtl=[f"{name}.v"])
    verilog = {"synthesis": list(view["rtl"]), "simulation": [*view["rtl"], *view["models"]]}
    board = wanted.board.name if wanted.board else None
    design = {f"{name}_zcu102.tcl": "Vivado: builds a design for the ZCU102, to the bitstream"}
    what = {
        **common_files(name),
        "component.xml": "IP-XACT: the block for Vivado's IP catalog",
        f"{name}_package.tcl": "Vivado: packages the block for the IP catalog",
        **(design if board == "zcu102" else {}),
        f"{name}.h": "C: what the constant registers of this configuration read",
        f"{name}_litex.py": "LiteX: a module with its buses, memory access and interrupt",
        f"linux/{name}.dtso": "device tree overlay: registers, interrupt, memory",
        f"linux/{name}_coherent.dtso": "device tree overlay for a coherent port",
        f"linux/{name}_linux.md": "devices under Linux, and what caches ask for",
        f"driver/{LAYOUT}": "C: registers, records and codes, the same for all configurations",
        **{f"driver/{file}": text for file, text in DRIVER.items()},
        **dict.fromkeys(primitives(wanted), "behavior of a device primitive, for simulation alone"),
    }
    parts = zip(("vendor", "library", "name", "version"), vlnv(name, version), strict=True)
    registers = list(register_map().values())
    view |= {"files": what, "ports": ports, "ip": dict(parts), "registers": registers}
    view |= {"access": ACCESS, "verilog": view["rtl"]}
    texts = {
        **common_texts(wanted, view),
        "component.xml": component_xml(wanted.emitted.manifest, ports, verilog, values),
        f"{name}.h": configuration_header(name, values),
        f"{name}.md": render(TEMPLATES, "accelerator.md", view | sheet_of(ports, values)),
        f"linux/{name}.dtso": render(TEMPLATES, "overlay.dtso", view | {"coherent": False}),
        f"linux/{name}_coherent.dtso": render(TEMPLATES, "overlay.dtso", view | {"coherent": True}),
        f"linux/{name}_linux.md": render(TEMPLATES, "linux.md", view),
        f"driver/{LAYOUT}": layout_header(),
        **{f"driver/{file}": _driver(file) for file in DRIVER},
        f"{name}_package.tcl": render(CONSTRAINTS, "package.tcl", view),
        **{file: render(CONSTRAINTS, "zcu102_design.tcl", view) for file in design if file in what},
        f"{name}_litex.py": render(TEMPLATES, "litex.py", view),
    }
    return texts, what


def _driver(file: str) -> str:
    return files("gemmule.gen.driver").joinpath("c", file).read_text()


def _constants(wanted: Wanted) -> Mapping[str, int]:
    """Return the words of the registers that are constant, as the component has them."""
    component = looked_at(wanted.block.component(wanted.params))
    found = getattr(component, "constants", {})
    return {name: found[name] for name in register_map() if name in found}
