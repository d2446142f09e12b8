# amaranth: UnusedElaboratable=no
"""Packages of blocks, generated once for all tests."""

import gc
import warnings

import pytest

from gemmule.gen.catalog import find
from gemmule.gen.package.generate import generate
from gemmule.tb.package.sheets import SMALL


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """Generate each block's package, once."""
    made = {}

    def package(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            params = find(name).params(**SMALL.get(name, {}))
            gc.collect()
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                generate(name, params, folder)
                gc.collect()
            # Amaranth warns of components that nobody elaborates, which is nothing for users.
            assert not [each.message for each in seen if "never used" in str(each.message)]
            made[name] = folder, params
        return made[name]

    return package
