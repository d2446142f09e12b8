"""A block with AXI ports as an IP-XACT component: what Vivado's IP catalog reads.

IEEE 1685-2009 with the extensions of AMD's Vivado (UG1118). Registers come from the description of
the register map and are written one by one, under the names that the data sheet, the headers and
the drivers use; arrays and groups would get names of their own in each tool.
"""

from collections.abc import Iterable, Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from gemmule.gen.verilog.manifest import Manifest, PortInfo
from gemmule.hw.soc.register_map import Field, Register, register_map

from .ports import CLOCK, INTERRUPT, MEMORY, REGISTERS, RESET, AxiPorts

__all__ = ["ACCESS", "component_xml", "vlnv"]

SPIRIT = "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"
XILINX = "http://www.xilinx.com"

FAMILIES = ("virtex7", "kintex7", "artix7", "zynq", "kintexu", "virtexu", "kintexuplus",
            "virtexuplus", "zynquplus")  # fmt: skip

VIEWS = {"xilinx_anylanguagesynthesis": "synthesis", "xilinx_anylanguagebehavioralsimulation":
         "simulation"}  # fmt: skip

ACCESS = {
    "rw": "read-write",
    "ro": "read-only",
    "w1c": "read-write",
    "strobe": "write-only",
    "wo": "write-only",
}
"""How software accesses a kind of field, in the words of IP-XACT."""

Node = tuple[str, object]
"""An element: its name and its text, or its children in order."""


def vlnv(name: str, version: str) -> tuple[str, str, str, str]:
    """Return vendor, library, name and version; Vivado's versions have two numbers.

    Examples
    --------
    >>> vlnv("accelerator", "0.1.0")
    ('gemmule', 'ip', 'accelerator', '0.1')
    """
    return "gemmule", "ip", name, ".".join(version.split(".")[:2])


def component_xml(
    manifest: Manifest, ports: AxiPorts, files: Mapping[str, list[str]], values: Mapping[str, int]
) -> str:
    """Return the text of ``component.xml``.

    ``files`` are the names of Verilog files for ``synthesis`` and ``simulation``, ``values`` the
    words of registers that are constant.
    """
    version = manifest.versions["gemmule"]
    names = zip(("vendor", "library", "name", "version"), vlnv(manifest.name, version), strict=True)
    top = _element(
        "component",
        [
            *names,
            ("busInterfaces", list(_interfaces(ports))),
            ("addressSpaces", [_address_space(ports)]),
            ("memoryMaps", [_memory_map(ports, values)]),
            ("model", [_views(manifest.name), ("ports", [_port(each) for each in manifest.ports])]),
            ("fileSets", [_file_set(view, listed) for view, listed in files.items()]),
            ("description", manifest.summary),
            ("parameters", [_parameter("Component_Name", manifest.name)]),
        ],
    )
    top.append(_extensions(manifest))
    ElementTree.register_namespace("spirit", SPIRIT)
    ElementTree.register_namespace("xilinx", XILINX)
    ElementTree.indent(top)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(top, "unicode") + "\n"


def _interfaces(ports: AxiPorts) -> Iterable[Node]:
    """Yield the bus interfaces: registers, memory, clock, reset, interrupt."""
    yield _interface(
        REGISTERS,
        "aximm",
        ("slave", [("memoryMapRef", {"memoryMapRef": REGISTERS})]),
        {name.upper(): each.name for name, each in ports.registers.items()},
        {"PROTOCOL": "AXI4LITE", "DATA_WIDTH": 32, "ADDR_WIDTH": ports.page},
    )
    yield _interface(
        MEMORY,
        "aximm",
        ("master", [("addressSpaceRef", {"addressSpaceRef": MEMORY})]),
        {name.upper(): each.name for name, each in ports.memory.items()},
        {
            "PROTOCOL": "AXI4",
            "DATA_WIDTH": ports.data_width,
            "ADDR_WIDTH": ports.address_width,
            "ID_WIDTH": ports.id_width,
            "MAX_BURST_LENGTH": 256,
            "SUPPORTS_NARROW_BURST": 0,
        },
    )
    bound = {"ASSOCIATED_BUSIF": f"{REGISTERS}:{MEMORY}", "ASSOCIATED_RESET": RESET}
    yield _interface(CLOCK, "clock", ("slave", []), {"CLK": CLOCK}, bound)
    low = {"POLARITY": "ACTIVE_LOW"}
    yield _interface(RESET, "reset", ("slave", []), {"RST": RESET}, low)
    high = {"SENSITIVITY": "LEVEL_HIGH"}
    yield _interface(INTERRUPT, "interrupt", ("master", []), {"INTERRUPT": INTERRUPT}, high)


def _interface(
    name: str, bus: str, mode: Node, maps: Mapping[str, str], parameters: Mapping[str, object]
) -> Node:
    library = "interface" if bus == "aximm" else "signal"
    kind = {"vendor": "xilinx.com", "library": library, "version": "1.0"}
    return "busInterface", [
        ("name", name),
        ("busType", kind | {"name": bus}),
        ("abstractionType", kind | {"name": f"{bus}_rtl"}),
        mode,
        ("portMaps", [_map(logical, physical) for logical, physical in maps.items()]),
        ("parameters", [_parameter(each, value) for each, value in parameters.items()]),
    ]


def _map(logical: str, physical: str) -> Node:
    named = [("logicalPort", [("name", logical)]), ("physicalPort", [("name", physical)])]
    return "portMap", named


def _parameter(name: str, value: object) -> Node:
    return "parameter", [("name", name), ("value", str(value))]


def _address_space(ports: AxiPorts) -> Node:
    size = ("range", str(1 << ports.address_width))
    return "addressSpace", [("name", MEMORY), size, ("width", str(ports.data_width))]


def _memory_map(ports: AxiPorts, values: Mapping[str, int]) -> Node:
    block: list[Node] = [
        ("name", "registers"),
        ("baseAddress", "0"),
        ("range", str(1 << ports.page)),
        ("width", "32"),
        ("usage", "register"),
        ("access", "read-write"),
    ]
    block += [_register(each, values) for each in register_map().values()]
    return "memoryMap", [("name", REGISTERS), ("addressBlock", block)]


def _register(register: Register, values: Mapping[str, int]) -> Node:
    resets = (each.reset << each.low for each in register.fields)
    reset = values.get(register.name, sum(resets))
    known = all(each.kind != "ro" for each in register.fields) or register.name in values
    about: list[Node] = [
        ("name", register.name),
        ("displayName", register.name),
        ("description", register.text),
        ("addressOffset", hex(register.address)),
        ("size", "32"),
        ("access", _access(register.fields)),
    ]
    about += [("reset", [("value", hex(reset)), ("mask", "0xffffffff")])] if known else []
    return "register", about + [_field(each) for each in register.fields]


def _access(fields: Iterable[Field]) -> str:
    """Return how a whole register is accessed."""
    kinds = {ACCESS[each.kind] for each in fields}
    return kinds.pop() if len(kinds) == 1 else "read-write"


def _field(field: Field) -> Node:
    about: list[Node] = [
        ("name", field.name),
        ("description", field.text),
        ("bitOffset", str(field.low)),
        ("bitWidth", str(field.width)),
    ]
    about += [("volatile", "true")] if field.kind in ("ro", "w1c") else []
    about += [("access", ACCESS[field.kind])]
    about += [("modifiedWriteValue", "oneToClear")] if field.kind == "w1c" else []
    return "field", about


def _views(name: str) -> Node:
    views = []
    for view, file_set in VIEWS.items():
        where = f":vivado.xilinx.com:{file_set}"
        views.append((
            "view",
            [
                ("name", view),
                ("envIdentifier", where),
                ("language", "Verilog"),
                ("modelName", name),
                ("fileSetRef", [("localName", file_set)]),
            ],
        ))
    return "views", views


def _port(port: PortInfo) -> Node:
    way = "in" if port.direction == "input" else "out"
    span = [("vector", [("left", str(port.width - 1)), ("right", "0")])] if port.width > 1 else []
    types = [("typeName", "wire"), *(("viewNameRef", view) for view in VIEWS)]
    typed = ("wireTypeDefs", [("wireTypeDef", types)])
    return "port", [("name", port.name), ("wire", [("direction", way), *span, typed])]


def _file_set(view: str, names: list[str]) -> Node:
    files = [("file", [("name", name), ("fileType", "verilogSource")]) for name in names]
    return "fileSet", [("name", view), *files]


def _extensions(manifest: Manifest) -> Element:
    """Return what only Vivado reads: families, place in the catalog, revision."""
    made = Element(f"{{{SPIRIT}}}vendorExtensions")
    core = ElementTree.SubElement(made, f"{{{XILINX}}}coreExtensions")
    families = ElementTree.SubElement(core, f"{{{XILINX}}}supportedFamilies")
    for family in FAMILIES:
        attributes = {f"{{{XILINX}}}lifeCycle": "Production"}
        ElementTree.SubElement(families, f"{{{XILINX}}}family", attributes).text = family
    places = ElementTree.SubElement(core, f"{{{XILINX}}}taxonomies")
    ElementTree.SubElement(places, f"{{{XILINX}}}taxonomy").text = "/UserIP"
    patch = [*manifest.versions["gemmule"].split("."), "0", "0"][2]
    for name, text in (
        ("displayName", f"Gemmule {manifest.name}"),
        ("vendorDisplayName", "Gemmule"),
        ("definitionSource", "package_project"),
        ("coreRevision", str(int("".join(filter(str.isdigit, patch)) or 0) + 1)),
    ):
        ElementTree.SubElement(core, f"{{{XILINX}}}{name}").text = text
    return made


def _element(name: str, content: object) -> Element:
    """Return an element: of text, of attributes (a mapping), or of children (a list)."""
    if isinstance(content, Mapping):
        return Element(f"{{{SPIRIT}}}{name}", {f"{{{SPIRIT}}}{k}": v for k, v in content.items()})
    made = Element(f"{{{SPIRIT}}}{name}")
    if isinstance(content, list):
        made.extend(_element(*each) for each in content)
    else:
        made.text = str(content)
    return made
