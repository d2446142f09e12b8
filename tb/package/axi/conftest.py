# amaranth: UnusedElaboratable=no
"""A package with AXI ports, generated once for all tests."""

import pytest

from gemmule.gen.package.axi.ports import axi_ports
from gemmule.gen.package.generate import generate
from gemmule.gen.verilog.emit import emit
from gemmule.tb.package.axi.stand_in import COPIER, CopierParams, tiny


@pytest.fixture(scope="session")
def copier(tmp_path_factory):
    """Return the folder of the stand-in's package for the ZCU102."""
    folder = tmp_path_factory.mktemp("copier")
    generate(COPIER, CopierParams(), folder, board="zcu102")
    return folder


@pytest.fixture(scope="session")
def copier_ports():
    """Return the stand-in's AXI ports."""
    return axi_ports(emit(COPIER, CopierParams()).manifest)


@pytest.fixture(scope="session")
def accelerator(tmp_path_factory):
    """Return the folder of a small accelerator's package for the ZCU102."""
    folder = tmp_path_factory.mktemp("accelerator")
    generate("accelerator", tiny(), folder, board="zcu102")
    return folder
