"""`gemmule bench NAME --against FILE`: what moved since an earlier table."""

import json

import pytest

from gemmule.golden.common.errors import UsageError
from gemmule.tb import benchmark
from gemmule.tb.against import earlier, moved

SUMMARY = "a benchmark for this test"


class Module:
    """A benchmark whose figures are put into it."""

    SUMMARY = SUMMARY
    rows = ()

    @classmethod
    def run(cls, out, quick):
        return [dict(row) for row in cls.rows]


@pytest.fixture
def bench(tmp_path, monkeypatch, capsys):
    """Run the benchmark on some rows; return its exit code and what it prints."""
    monkeypatch.setattr(benchmark, "benchmark_module", lambda name: Module)

    def run(rows, **options):
        Module.rows = rows
        options = {"quick": True, "as_json": False} | options
        code = benchmark.bench("toy", tmp_path / "out", **options)
        return code, capsys.readouterr().out

    return run


BEFORE = [
    {"cell": "ws", "width": 1, "LUT": 200, "ok": True},
    {"cell": "ws", "width": 4, "LUT": 300, "ok": True},
    {"cell": "os", "LUT": 7},
]
NOW = [
    {"cell": "ws", "width": 1, "LUT": 200, "ok": False},
    {"cell": "ws", "width": 4, "LUT": 330, "ok": True},
    {"cell": "both", "LUT": 9},
]


def test_what_moved_is_printed_and_is_no_failure(bench, tmp_path):
    code, _ = bench(BEFORE)
    file = tmp_path / "before.json"
    file.write_text((tmp_path / "out" / "toy.json").read_text())
    assert code == 0

    code, said = bench(BEFORE, against=file)
    assert code == 0
    assert "nothing moved" in said

    code, said = bench(NOW, against=file)
    assert code == 0
    assert f"moved since {file}" in said
    assert "+10.00 %" in said
    assert "gone" in said
    assert "new" in said

    code, said = bench(NOW, against=file, as_json=True)
    told = json.loads(said)
    assert code == 0
    assert told["rows"] == NOW
    assert told["moved"] == list(moved(BEFORE, NOW))
    assert [each["column"] for each in told["moved"]] == ["ok", "LUT", None, None]


@pytest.mark.parametrize(
    ("text", "why"),
    [(None, "cannot read"), ("[", "is not JSON"), ("{}", "is not a table"), ("[1]", "not a table")],
)
def test_what_is_no_table_is_refused_before_anything_runs(bench, tmp_path, text, why):
    file = tmp_path / "before.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError, match=f"--against: .*{why}"):
        bench(BEFORE, against=file)
    assert not (tmp_path / "out").exists()


def test_the_command_line_hands_the_file_on(monkeypatch, tmp_path):
    from gemmule.gen.cli import evidence

    started = []
    monkeypatch.setattr(evidence, "_tb", lambda *words: started.append(words) or 0)
    out = str(tmp_path / "out")
    assert evidence.bench("toy", out=out, against=tmp_path / "b.json", quick=True) == 0
    assert started == [("bench", "toy", "--out", out, f"--against={tmp_path}/b.json", "--quick")]


def test_kept_tables_are_tables():
    from gemmule.gen.docs.regions import ROOT

    for file in (ROOT / "gen" / "docs" / "figures").glob("*.json"):
        assert earlier(file)
