"""The site: `python -m gemmule.gen.docs.site [DIR]` builds it, and any warning is an error.

Pages keep the places that they have in the checkout, so that their links work here as they do
there. Pages about blocks and modules are made anew. Without DIR it goes into ``build/docs``.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from gemmule.gen.catalog import FAMILIES, catalog
from gemmule.gen.verilog.docstrings import plain

from .api_page import api_index, api_page, modules, public_names
from .block_page import block_page, index_page
from .regions import ROOT

__all__ = ["build", "sources"]

PAGES = ("architecture", "interface", "glossary", "papers", "release")
"""Hand-written, in `gen/docs`."""

SETTINGS = {
    "project": "Gemmule",
    "extensions": ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"],
    "root_doc": "index",
    "html_theme": "alabaster",
    "html_theme_options": {"fixed_sidebar": True, "page_width": "1200px"},
    "html_sidebars": {"**": ["about.html", "searchfield.html", "navigation.html"]},
    "html_title": "Gemmule",
    "html_show_copyright": False,
    "html_show_sourcelink": False,
    "html_copy_source": False,
    "myst_heading_anchors": 4,
    "suppress_warnings": ["myst.header"],  # a data sheet's text may begin below its page's level
    "default_role": "code",  # docstrings write a path in single quotes, as Markdown does
    "napoleon_google_docstring": False,
    "napoleon_custom_sections": [("Members", "params_style"), ("How to fill it in", "notes")],
    "autodoc_typehints": "none",  # signatures show them
    "autodoc_use_legacy_class_based": False,
    "python_maximum_signature_line_length": 88,
}


def sources() -> Iterator[tuple[str, str | Path]]:
    """Yield each page's place in the site, and its text or the file that it is copied from."""
    linked: set[Path] = set()
    for path in _written():
        place = path.relative_to(ROOT)
        yield str(place), path
        for link in re.findall(r"\]\(([^)#\s:]+)\)", path.read_text()):
            target = (path.parent / link).resolve()
            if target.is_file() and target.suffix != ".md":
                linked.add(target)
    yield from ((str(path.relative_to(ROOT)), path) for path in sorted(linked))
    families = {
        family: {
            name: plain(block.summary)
            for name, block in catalog().items()
            if block.family == family
        }
        for family in FAMILIES
    }
    yield "blocks/index.md", index_page(families)
    yield from ((f"blocks/{name}.md", block_page(block)) for name, block in catalog().items())
    yield "api/index.md", api_index()
    yield from ((f"api/{name}.rst", api_page(name)) for name in modules())
    yield "index.md", _index()


def build(folder: Path) -> int:
    """Build the site in ``folder``/html; return 0, or 1 where there was a warning."""
    from sphinx.application import Sphinx  # an extra: nothing else needs it

    source = folder / "source"
    shutil.rmtree(source, ignore_errors=True)
    for place, it in sources():
        (source / place).parent.mkdir(parents=True, exist_ok=True)
        (source / place).write_bytes(it.read_bytes() if isinstance(it, Path) else it.encode())
    app = Sphinx(
        source,
        None,
        folder / "html",
        folder / "doctrees",
        "html",
        confoverrides=SETTINGS,
        freshenv=True,
        warningiserror=True,
        parallel=2,
        status=None,
    )
    app.build()
    missing = _undocumented({name for name, *_ in app.env.get_domain("py").get_objects()})
    if missing:
        print(f"public names without a place: {', '.join(missing)}", file=sys.stderr)
    return app.statuscode or int(bool(missing))


def _undocumented(known: set[str]) -> list[str]:
    names = (f"{module}.{name}" for module in modules() for name in public_names(module))
    return [name for name in names if name not in known]


def _written() -> list[Path]:
    top = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    folders = sorted((ROOT / "hw").glob("*/README.md"))
    folders += [ROOT / "gen" / "README.md", ROOT / "tb" / "README.md"]
    return [*top, *folders, *(ROOT / "gen" / "docs" / f"{name}.md" for name in PAGES)]


def _index() -> str:
    families = "\n".join(
        f"{path.relative_to(ROOT)}" for path in _written() if path.parts[-3] == "hw"
    )
    pages = "\n".join(f"gen/docs/{name}.md" for name in PAGES)
    return f"""# Gemmule

```{{toctree}}
:maxdepth: 1

README.md
blocks/index.md
{pages}
api/index.md
```

```{{toctree}}
:caption: The code
:maxdepth: 1

CONTRIBUTING.md
{families}
gen/README.md
tb/README.md
CHANGELOG.md
```
"""


def main(words: list[str]) -> int:
    """Build, and return the exit code."""
    folder = Path(words[0]) if words else ROOT / "build" / "docs"
    code = build(folder)
    print("warnings are errors" if code else f"written into {folder / 'html'}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
