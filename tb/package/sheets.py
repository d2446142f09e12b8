# amaranth: UnusedElaboratable=no
"""What a package gives to those who read its sheet: worked examples, and its encoder."""

from importlib.util import module_from_spec, spec_from_file_location

from gemmule.gen.blocks.nonlinear.elementwise import ELEMENTWISE
from gemmule.gen.catalog import find
from gemmule.gen.package.sheet.code import encoder_text
from gemmule.gen.package.sheet.example import parse, payloads
from gemmule.gen.package.sheet.words import to_bytes
from gemmule.gen.simulation.engine import build
from gemmule.gen.verilog.axis import axis_streams
from gemmule.gen.verilog.ports import streams as streams_of
from gemmule.hw.common.unused import looked_at

__all__ = ["SMALL", "driven", "encoder_names", "encoder_of", "example_words", "packets_of", "sent"]

SMALL = {
    "gemm": {"rows": 4, "cols": 4},
    "softmax": {"lanes": 4, "max_length": 16},
    "layernorm": {"lanes": 2, "max_length": 8},
    "sparse_gemm": {"rows": 2, "cols": 2},
    "prune24": {"lanes": 2},
    **{block.name: {"lanes": 2} for block in ELEMENTWISE},
    "token_select": {"max_tokens": 16},
    "conv2d": {"rows": 2, "cols": 2, "x_depth": 16, "w_depth": 16},
    "conv3d": {"rows": 2, "cols": 2, "x_depth": 16, "w_depth": 16},
    "token_pack": {"max_tokens": 16, "lanes": 2, "max_length": 8},
    "token_score": {"max_tokens": 16, "lanes": 2},
    "selector": {"max_tokens": 16, "lanes": 2, "max_length": 8},
}
"""Parameters with which sheets are short and builds are quick; the others have their defaults."""


def encoder_of(folder, name):
    spec = spec_from_file_location(f"encoder_of_{name}", folder / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def example_words(folder, name):
    """Return stream and bytes of every word in the sheet's examples."""
    return [
        (port.split("_axis_")[1], word)
        for example in parse((folder / f"{name}.md").read_text())
        for port, (words, _) in example.items()
        if "_axis_" in port
        for word in words
    ]


def packets_of(folder, name, number):
    """Return one example's words with TLAST as encoders give them: stream -> [(word, TLAST)]."""
    example = parse((folder / f"{name}.md").read_text())[number]
    return {
        port.split("_axis_")[1]: list(zip(*found, strict=True))
        for port, found in example.items()
        if "_axis_" in port
    }


def sent(words):
    return {stream: [word for word, _ in each] for stream, each in words.items() if each}


def driven(name, packages):
    """Return a block's model, its package's encoder, and a function from its words to beats."""
    folder, params = packages(name)
    model, encoder = build(find(name), params), encoder_of(folder, name)
    streams = {each.name: each for each in axis_streams(model.manifest.streams)}

    def to_beats(words):
        return {
            stream: payloads(streams[stream], tuple(zip(*each, strict=True)))
            for stream, each in words.items()
            if each
        }

    def to_words(stream, beats):
        return [encoder.unpack(stream, each.tobytes()) for each in to_bytes(streams[stream], beats)]

    return model, encoder, to_beats, to_words


def encoder_names(block, params):
    """Return what a package's encoder defines, without the package."""
    streams = axis_streams(streams_of(looked_at(block.component(params))))
    names: dict = {}
    exec(encoder_text(block.name, block.sheet(params), streams), names)
    return names
