"""Token selection: score, select, pack."""

BENCHES = {
    "heatvit": "gemmule.tb.tokens.figures_heatvit",
    "minilm-tokens": "gemmule.tb.tokens.figures_minilm",
}

STIMULI = {
    name: f"gemmule.tb.tokens.stimuli:{name}"
    for name in ("token_score", "token_select", "token_pack", "selector")
}
