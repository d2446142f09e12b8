"""The package of a block with AXI ports."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from gemmule.gen.package.common import (
    Texts,
    Wanted,
    common_files,
    common_texts,
    common_view,
    primitives,
)
from gemmule.gen.package.render import CONSTRAINTS, TEMPLATES, render
from gemmule.gen.verilog.docstrings import facts
from gemmule.hw.common.unused import looked_at
from gemmule.hw.soc.register_map import register_map

from .component_xml import ACCESS, component_xml, vlnv
from .header import LAYOUT, configuration_header, layout_header
from .ports import CLOCK, AxiPorts
from .python_driver import FOLDER, python_driver
from .sheet import configuration, configured, sheet_of

__all__ = ["DRIVER", "axi_package"]

DRIVER = {
    "gemmule.h": "C: the driver's functions, the same for all configurations",
    "gemmule.c": "C: the driver, C11 without a library",
    "gemmule_vector.h": "C: the vector unit's functions, for accelerators that have one",
    "gemmule_vector.c": "C: what they do",
    "main.c": "C: an example, which multiplies two matrices",
}
"""Files of the driver, the same in all packages."""


def axi_package(wanted: Wanted, ports: AxiPorts) -> tuple[Texts, Texts]:
    """Return the texts of the files, and what each of them is."""
    name, manifest, values = wanted.name, wanted.emitted.manifest, _constants(wanted)
    view = common_view(wanted, top=name, clock=CLOCK, rtl=[f"{name}.v"])
    verilog = {"synthesis": list(view["rtl"]), "simulation": [*view["rtl"], *view["models"]]}
    parts = vlnv(name, manifest.versions["gemmule"])
    view |= {
        "ports": ports,
        "ip": dict(zip(("vendor", "library", "name", "version"), parts, strict=True)),
        "registers": list(register_map().values()),
        "access": ACCESS,
        "verilog": view["rtl"],
        "facts": facts(wanted.block.component.__doc__ or ""),
        "python": FOLDER,
    }
    made = [
        (
            "component.xml",
            "IP-XACT: the block for Vivado's IP catalog",
            component_xml(manifest, ports, verilog, values),
        ),
        (
            f"{name}.h",
            "C: what the constant registers of this configuration read",
            configuration_header(name, values),
        ),
        (
            f"driver/{LAYOUT}",
            "C: registers, records and codes, the same for all configurations",
            layout_header(),
        ),
        *((f"driver/{file}", what, _driver(file)) for file, what in DRIVER.items()),
        (
            f"{name}_example.py",
            "Python: an example, which multiplies two matrices on the board",
            render(TEMPLATES, "example.py", view | _configuration(values)),
        ),
        *(
            (file, what, render(folder, template, view | more))
            for file, what, folder, template, more in _templates(wanted)
        ),
    ]
    python = python_driver()
    models = dict.fromkeys(
        primitives(wanted), "behavior of a device primitive, for simulation alone"
    )
    what = {**common_files(name), **{file: told for file, told, _ in made}, **models}
    listed = what | {f"{FOLDER}/": "Python: the driver, for NumPy alone"}
    sheet = view | sheet_of(ports, values) | {"files": listed}
    texts = {
        **common_texts(wanted, view),
        **{file: text for file, _, text in made},
        **python,
        f"{name}.md": render(TEMPLATES, "accelerator.md", sheet),
    }
    return texts, what | dict.fromkeys(python, "Python: a part of the driver")


def _templates(wanted: Wanted) -> Iterator[tuple[str, str, str, str, dict[str, bool]]]:
    """Yield the files that are filled in alone: name, what it is, folder, template, what more."""
    name = wanted.name
    yield (
        f"{name}_package.tcl",
        "Vivado: packages the block for the IP catalog",
        CONSTRAINTS,
        "package.tcl",
        {},
    )
    if wanted.board and wanted.board.name == "zcu102":
        yield (
            f"{name}_zcu102.tcl",
            "Vivado: builds a design for the ZCU102, to the bitstream",
            CONSTRAINTS,
            "zcu102_design.tcl",
            {},
        )
    yield (
        f"{name}_litex.py",
        "LiteX: a module with its buses, memory access and interrupt",
        TEMPLATES,
        "litex.py",
        {},
    )
    for coherent in (False, True):
        yield (
            f"linux/{name}{'_coherent' if coherent else ''}.dtso",
            f"device tree overlay{' for a coherent port' if coherent else ''}",
            TEMPLATES,
            "overlay.dtso",
            {"coherent": coherent},
        )
    yield (
        f"linux/{name}_linux.md",
        "devices under Linux, and what caches ask for",
        TEMPLATES,
        "linux.md",
        {},
    )


def _configuration(values: Mapping[str, int]) -> dict[str, Any]:
    """Return what the example says of the configuration, if there is one."""
    return {
        "config": configuration(values),
        "config_hash": values.get("CONFIG_HASH"),
        "ring": configured(values).ring,
    }


def _driver(file: str) -> str:
    return files("gemmule.gen.driver").joinpath("c", file).read_text()


def _constants(wanted: Wanted) -> Mapping[str, int]:
    """Return the words of the registers that are constant, as the component has them."""
    component = looked_at(wanted.block.component(wanted.params))
    found = getattr(component, "constants", {})
    return {name: found[name] for name in register_map() if name in found}
