"""IP-XACT: the official schema takes it, PeakRDL says the same, what Vivado asks for is there."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from lxml import etree
from peakrdl_ipxact.exporter import IPXACTExporter, Standard

from gemmule.gen.package.axi.component_xml import SPIRIT, XILINX
from gemmule.hw.soc.register_map import elaborate

NAMES = {"s": SPIRIT, "x": XILINX}


@pytest.fixture(scope="module")
def schema():
    """Return the schema of IEEE 1685-2009 that Accellera publishes."""
    place = Path(next(iter(find_spec("pyEDAA").submodule_search_locations)))
    return etree.XMLSchema(etree.parse(place / "IPXACT/Schema/ieee-1685-2009/index.xsd"))


@pytest.fixture(scope="module")
def component(copier):
    return etree.parse(copier / "component.xml")


def test_the_official_schema_takes_it(schema, component):
    schema.assertValid(component)
    broken = etree.ElementTree(etree.fromstring(etree.tostring(component)))
    (first, *_) = broken.iterfind(".//s:addressOffset", NAMES)
    first.text = "none"
    assert not schema.validate(broken)


def test_it_is_named_after_the_package(component):
    found = [component.findtext(f"s:{part}", None, NAMES) for part in ("vendor", "library", "name")]
    assert found == ["gemmule", "ip", "copier"]
    assert component.findtext("s:version", None, NAMES).count(".") == 1


def parameters(component, interface):
    (found,) = component.xpath(f"//s:busInterface[s:name='{interface}']", namespaces=NAMES)
    return {
        each.findtext("s:name", None, NAMES): each.findtext("s:value", None, NAMES)
        for each in found.iterfind("s:parameters/s:parameter", NAMES)
    }


def test_interfaces_say_what_vivado_asks(component):
    clock = parameters(component, "aclk")
    assert clock == {"ASSOCIATED_BUSIF": "s_axi:m_axi", "ASSOCIATED_RESET": "aresetn"}
    assert parameters(component, "aresetn") == {"POLARITY": "ACTIVE_LOW"}
    assert parameters(component, "interrupt") == {"SENSITIVITY": "LEVEL_HIGH"}
    assert parameters(component, "s_axi")["PROTOCOL"] == "AXI4LITE"
    memory = parameters(component, "m_axi")
    assert (memory["PROTOCOL"], memory["DATA_WIDTH"], memory["ADDR_WIDTH"]) == ("AXI4", "64", "32")
    (space,) = component.xpath("//s:addressSpace", namespaces=NAMES)
    assert int(space.findtext("s:range", None, NAMES)) == 2**32


def test_every_port_is_there_and_belongs_to_one_interface(component, copier):
    text = (copier / "copier.v").read_text()
    head = text[text.index("module copier(") :].partition(";")[0]
    listed = [each.strip() for each in head.partition("(")[2].rstrip(")").split(",")]
    ports = component.xpath("//s:model/s:ports/s:port/s:name/text()", namespaces=NAMES)
    bound = component.xpath("//s:physicalPort/s:name/text()", namespaces=NAMES)
    assert sorted(ports) == sorted(bound) == sorted(listed)


def test_files_are_there(component, copier):
    names = component.xpath("//s:file/s:name/text()", namespaces=NAMES)
    assert names
    assert all((copier / name).is_file() for name in names)


def registers(tree):
    """Return every register as address -> its fields, arrays and groups laid out."""
    found = {}
    for node in tree.xpath("//s:addressBlock", namespaces=NAMES):
        _collect(node, 0, found)
    return found


def _collect(node, base, found):
    for register in node.iterfind("s:register", NAMES):
        count = int(register.findtext("s:dim", "1", NAMES))
        first = base + int(register.findtext("s:addressOffset", None, NAMES), 0)
        fields = sorted(
            tuple(
                each.findtext(f"s:{what}", None, NAMES)
                for what in ("name", "bitOffset", "bitWidth", "access", "modifiedWriteValue")
            )
            for each in register.iterfind("s:field", NAMES)
        )
        for number in range(count):
            found[first + 4 * number] = fields
    for group in node.iterfind("s:registerFile", NAMES):
        count = int(group.findtext("s:dim", "1", NAMES))
        step = int(group.findtext("s:range", None, NAMES), 0)
        first = base + int(group.findtext("s:addressOffset", None, NAMES), 0)
        for number in range(count):
            _collect(group, first + step * number, found)


def test_registers_are_those_that_peakrdl_exports(component, tmp_path):
    exporter = IPXACTExporter(standard=Standard.IEEE_1685_2009)
    exporter.export(elaborate(), str(tmp_path / "registers.xml"))
    theirs = registers(etree.parse(tmp_path / "registers.xml"))
    assert len(theirs) > 80
    assert registers(component) == theirs
