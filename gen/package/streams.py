"""The package of a block with streams: AXI4-Stream top, header, encoder, testbench, data sheet."""

from gemmule.gen.verilog.border import emit_border

from .common import Texts, Wanted, common_files, common_texts, common_view, primitives
from .render import TEMPLATES, render
from .selftest import selftest_view
from .sheet.code import code_view, encoder_text
from .sheet.plain import sheet_of
from .sheet.view import sheet_view

__all__ = ["stream_package"]


def stream_package(wanted: Wanted) -> tuple[Texts, Texts, dict | None]:
    """Return the texts of the files, what each file is, and what a manifest says of the streams."""
    name, block, params = wanted.name, wanted.block, wanted.params
    manifest = wanted.emitted.manifest
    border = emit_border(wanted.emitted, wanted.form)
    streams = border.streams if border else []
    top, clock = (border.top, "aclk") if border else (name, "clk")
    axis = {f"{top}.v": "the block between AXI4-Streams"} if border else {}
    view = common_view(wanted, top=top, clock=clock, rtl=[f"{name}.v", *axis])
    sheet = sheet_of(block, params, manifest)
    view |= {"streams": streams, **sheet_view(block, params, sheet, manifest, streams)}
    selftest = selftest_view(block, params, streams, view["sheet"].examples)
    benches = {f"sim/{name}_tb.sv": "replays the data sheet's first example"} if selftest else {}
    what = {
        **common_files(name, *axis.items()),
        f"{name}.h": "C: offsets, widths, codes, functions that fill words and read them",
        f"{name}.py": "Python, standard library alone: the same, and how arrays become words",
        **dict.fromkeys(primitives(wanted), "behavior of a device primitive, for simulation alone"),
        **benches,
    }
    view |= {"files": what, "selftest": selftest, "benches": list(benches)}
    texts = {
        **common_texts(wanted, view),
        **(dict.fromkeys(axis, border.verilog) if border else {}),
        f"{name}.md": render(TEMPLATES, "datasheet.md", view),
        f"{name}.h": render(TEMPLATES, "header.h", code_view(name, view["sheet"], streams)),
        f"{name}.py": encoder_text(name, view["sheet"], streams),
        **{each: render(TEMPLATES, "selftest.sv", view) for each in benches},
    }
    return texts, what, border.manifest if border else None
