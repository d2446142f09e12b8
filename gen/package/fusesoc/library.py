"""The FuseSoC library that holds the generator: a core file and the script that it names."""

import sys
from importlib.metadata import version
from pathlib import Path

from gemmule.gen.files.atomic import folder_at, write_folder
from gemmule.gen.package.render import TEMPLATES, render

__all__ = ["write_library"]


def write_library(out: Path | str) -> dict[str, str]:
    """Write the library into the folder ``out``; return each file's name and what it is.

    The generator runs with the Python that wrote it.
    """
    view = {"version": version("gemmule"), "python": sys.executable}
    write_folder(
        folder_at("--out", out),
        {
            "gemmule_generator.core": render(TEMPLATES, "generator.core", view),
            "gemmule_generator.py": render(TEMPLATES, "generator.py", view),
        },
    )
    return {
        "gemmule_generator.core": "FuseSoC core with the generator `gemmule`",
        "gemmule_generator.py": "what FuseSoC runs",
    }
