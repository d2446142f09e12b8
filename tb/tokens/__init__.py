"""Token selection: score, select, pack."""

BENCHMARKS = {
    "heatvit": "gemmule.tb.tokens.benchmark_heatvit",
    "minilm-tokens": "gemmule.tb.tokens.benchmark_minilm",
}

STIMULI = {
    name: f"gemmule.tb.tokens.stimuli:{name}"
    for name in ("token_score", "token_select", "token_pack", "selector")
}
