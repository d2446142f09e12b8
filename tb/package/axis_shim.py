"""A block's AXI4-Stream top, looking like the block again: for the engine and its jobs.

What lies where is read from the manifest alone, as a user's program would; what the top must ignore
is filled with noise; and every beat that leaves it is checked.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from gemmule.gen.block import Block
from gemmule.gen.verilog.axis import AxisForm
from gemmule.gen.verilog.border import Border, emit_border
from gemmule.gen.verilog.emit import Emitted, emit
from gemmule.golden.common.options import Options

__all__ = ["shim", "wrapped"]


def wrapped(block: Block, params: Options, form: AxisForm) -> Emitted:
    """Emit ``block`` within its top level within the shim."""
    emitted = emit(block, params)
    border = emit_border(emitted, form)
    return shim(emitted, border)


def shim(emitted: Emitted, border: Border) -> Emitted:
    """Make a design with the ports of the block, though all passes through its top level.

    Its first reset is ``aresetn``. Each later one is a ``clear`` in the middle of whatever goes on:
    nothing is taken for a while, then beats are; inputs end what they had offered and go on with
    noise as long as ``clear`` is high. In the end no packet may be open.
    """
    top = f"{emitted.top}_shim"
    verilog = "\n".join([
        emitted.verilog,
        border.verilog,
        _verilog(top, emitted.manifest.to_json(), border.manifest),
    ])
    return Emitted(verilog, replace(emitted.manifest, name=top), top)


def _verilog(top: str, manifest: dict[str, Any], axis: dict[str, Any]) -> str:
    ports, body, connected = ["input clk", "input rst"], [], []
    widths = {each["name"]: each["width"] for each in manifest["streams"]}
    offsets = {each["name"]: each["fields"] for each in manifest["streams"]}
    for stream in axis["streams"]:
        name, into = stream["name"], stream["direction"] == "input"
        way, back = ("input", "output") if into else ("output", "input")
        ports += [
            f"{way} [{widths[name] - 1}:0] {name}__payload",
            f"{way} {name}__valid",
            f"{back} {name}__ready",
        ]
        places = {field["name"]: field for field in stream["fields"]}
        write = _input if into else _output
        body += write(stream, widths[name], offsets[name], places)
        pins = ["tdata", "tvalid", "tready"]
        pins += ["tlast"] if stream["tlast"] else []
        pins += ["tkeep"] if stream["tkeep"] else []
        connected += [f".{stream['prefix']}_{pin}({name}_{pin})" for pin in pins]
    outputs = [each["name"] for each in axis["streams"] if each["direction"] == "output"]
    is_open = " | ".join(f"{name}_open" for name in outputs)
    return f"""
module {top}({", ".join(ports)});
  reg started = 0, busy = 0, clear = 0;
  reg [7:0] count = 0;
  reg [15:0] noise = 16'hACE1;
  wire clearing;
  wire hold = started & (rst | busy);
  wire aresetn = started | ~rst;
  wire drain = count > 15 & noise[0];
  always @(posedge clk) begin
    noise <= {{noise[14:0], noise[15] ^ noise[13] ^ noise[12] ^ noise[10]}};
    started <= started | ~rst;
    if (started & rst) begin
      busy <= 1; clear <= 1; count <= 0;
    end else if (busy) begin
      count <= count + {{7'd0, ~&count}};
      if (count == 60) clear <= 0;
      if (count > 60 & ~clearing) begin
        busy <= 0;
        if ({is_open}) $fatal(1, "a packet was left open");
      end
    end
  end
  {axis["top"]} dut (
    .aclk(clk), .aresetn(aresetn), .clear(clear), .clearing(clearing),
    {", ".join(connected)}
  );
{"".join(body)}endmodule
"""


def _input(
    stream: dict[str, Any], width: int, fields: list[dict], places: dict[str, dict]
) -> Iterator[str]:
    name, tdata, beats = stream["name"], stream["tdata_width"], stream["beats"]
    bits = 8 * stream["word_bytes"]
    last = None
    yield f"  wire [{bits - 1}:0] {name}_word;\n  assign {name}_word[{bits - 1}:0] = "
    parts, at = [], 0
    for field in fields:
        if field["name"] not in places:
            last = field["offset"] if field["width"] else None
            continue
        place = places[field["name"]]
        assert place["bit"] == at
        for lane in range(field["lanes"]):
            low = field["offset"] + lane * field["width"]
            parts.append(f"{name}__payload[{low + field['width'] - 1}:{low}]")
            if fill := place["lane_step"] - field["width"]:
                parts.append(f"{{{fill}{{~{name}__payload[{low + field['width'] - 1}]}}}}")
            at += place["lane_step"]
    if at < bits:
        parts.append(f"{{{bits - at}{{1'b1}}}}")
    yield f"{{{', '.join(reversed(parts))}}};\n"
    ends = "1'b1" if last is None else f"{name}__payload[{last}]"
    yield f"""
  integer {name}_place = 0;
  wire {name}_final = {name}_place == {beats - 1};
  reg {name}_waits = 0;
  reg [{tdata}:0] {name}_beat;
  wire {name}_tready;
  wire {name}_noise = clear & clearing & ~{name}_waits;
  wire {name}_tvalid = hold ? {name}_waits | {name}_noise : {name}__valid;
  wire [{tdata - 1}:0] {name}_now = {name}_word[{name}_place * {tdata} +: {tdata}];
  wire {name}_tlast;
  wire [{tdata - 1}:0] {name}_tdata;
  assign {{{name}_tlast, {name}_tdata}} = {name}_waits & hold ? {name}_beat
    : hold ? {{noise[3], {tdata}'d0 - {tdata}'(noise[1])}} : {{{ends} & {name}_final, {name}_now}};
  wire [{tdata // 8 - 1}:0] {name}_tkeep = {{{tdata // 8}{{noise[2]}}}};
  assign {name}__ready = ~hold & {name}_tready & {name}_final;
  always @(posedge clk) begin
    {name}_waits <= {name}_tvalid & ~{name}_tready & started;
    {name}_beat <= {{{name}_tlast, {name}_tdata}};
    if (hold | ~started) {name}_place <= 0;
    else if ({name}_tvalid & {name}_tready) {name}_place <= {name}_final ? 0 : {name}_place + 1;
  end
"""


def _output(
    stream: dict[str, Any], width: int, fields: list[dict], places: dict[str, dict]
) -> Iterator[str]:
    name, tdata, beats = stream["name"], stream["tdata_width"], stream["beats"]
    bits, keeps = 8 * stream["word_bytes"], stream["tdata_width"] // 8
    payload, wrong, at = [], [], 0
    for field in fields:
        if field["name"] not in places:
            if field["width"]:
                payload.append((field["offset"], f"{name}_tlast"))
            continue
        place = places[field["name"]]
        for lane in range(field["lanes"]):
            low, top = at, at + field["width"] - 1
            payload.append((field["offset"] + lane * field["width"], f"{name}_word[{top}:{low}]"))
            at += place["lane_step"]
            if fill := place["lane_step"] - field["width"]:
                sign = f"{name}_word[{top}]" if field["signed"] else "1'b0"
                wrong.append(f"{name}_word[{at - 1}:{top + 1}] != {{{fill}{{{sign}}}}}")
    if at < bits:
        wrong.append(f"{name}_word[{bits - 1}:{at}] != 0")
    if stream["tlast"]:
        need = "{0}_tlast & ~{0}_final" if stream["tlast"] == "packet" else "{0}_tlast != {0}_final"
        wrong.append(need.format(name))
    whole = f"{{{', '.join(text for _offset, text in sorted(payload, reverse=True))}}}"
    keep = f"{name}_tkeep" if stream["tkeep"] else f"{{{keeps}{{1'b1}}}}"
    last = f"{name}_tlast" if stream["tlast"] else "1'b1"
    yield f"""
  integer {name}_place = 0;
  wire {name}_final = {name}_place == {beats - 1};
  wire {name}_tvalid;
  wire [{tdata - 1}:0] {name}_tdata;
  wire {name}_tlast;
  wire [{keeps - 1}:0] {name}_tkeep;
  reg [{bits - 1}:0] {name}_kept;
  reg [{bits - 1}:0] {name}_word;
  always @* begin
    {name}_word = {name}_kept;
    {name}_word[{name}_place * {tdata} +: {tdata}] = {name}_tdata;
  end
  wire {name}_tready = hold ? drain : {name}__ready | ~{name}_final;
  assign {name}__valid = ~hold & {name}_tvalid & {name}_final;
  assign {name}__payload = {whole};
  reg {name}_waits = 0, {name}_open = 0;
  reg [{tdata + 1 + keeps - 1}:0] {name}_offer;
  wire [{tdata + 1 + keeps - 1}:0] {name}_sees = {{{keep}, {last}, {name}_tdata}};
  always @(posedge clk) begin
    {name}_kept <= {name}_word;
    {name}_waits <= {name}_tvalid & ~{name}_tready & started;
    {name}_offer <= {name}_sees;
    if ({name}_waits & (~{name}_tvalid | {name}_offer != {name}_sees))
      $fatal(1, "{name}: an offer changed or went");
    if ({name}_tvalid & started & ~&{keep}) $fatal(1, "{name}: TKEEP is not all ones");
    if ({name}_tvalid & {name}_tready) begin
      {name}_open <= ~{last};
      {name}_place <= {name}_final ? 0 : {name}_place + 1;
    end
    if (hold) {name}_place <= 0;
    if ({name}__valid & ({" | ".join(f"({each})" for each in wrong) or "1'b0"}))
      $fatal(1, "{name}: TLAST or the bits beside a lane are wrong");
  end
"""
