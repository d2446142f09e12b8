"""Wrong use of the command line: one sentence, exit code 2, no traceback, no file left."""

import pickle
import zipfile

import numpy as np
import pytest

from gemmule.gen.cli.app import main
from gemmule.gen.cli.ending import FAULT, TRACEBACK, ended
from gemmule.gen.simulation.compile import compiled
from gemmule.gen.tools import ToolFailedError
from gemmule.golden.common.errors import UsageError
from gemmule.tb import regression
from gemmule.tb.benches.how import How
from gemmule.tb.benches.verify import COCOTB

A = np.ones((3, 4), np.int8)
B = np.ones((4, 5), np.int8)


@pytest.fixture
def refused(tmp_path, monkeypatch, capfd):
    """Return a function that runs a command and returns the sentence that refused it."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> str:
        before = sorted(tmp_path.rglob("*"))
        assert main([str(word) for word in words]) == 2
        out, err = capfd.readouterr()
        assert out == ""
        assert err.startswith("gemmule: ")
        assert err.count("\n") == 1
        assert sorted(tmp_path.rglob("*")) == before
        return err

    return run


def npz(path, **arrays):
    np.savez(path, **{"a": A, "b": B} | {k: v for k, v in arrays.items() if v is not None})
    return path


GENERATE = [
    ("--nothing 4", "No such option: --nothing"),
    ("--preset nothing", "--preset: gemm has no 'nothing'"),
    ("--board nothing", "--board must be one of vc709, zcu102"),
    ("--board no.toml", "--board: cannot read 'no.toml'"),
    ("--config no.toml", "--config: cannot read 'no.toml'"),
    ("--rows 0", "--rows must be in 1..256, not 0"),
    ("--rows many", "--rows must be a whole number"),
    ("--a-format s0", "--a-format must be 2 to 16 bits wide, not s0"),
    ("--b-format u17", "--b-format must be 2 to 16 bits wide, not u17"),
    ("--a-format float", "--a-format: a format is written like s8"),
    ("--clock-mhz 0", "--clock-mhz must be in 1..2000"),
]

SMALL = "accelerator --rows 2 --cols 2 --bank-bytes 1024"

OTHERS = [
    ("nothing", "No such command 'nothing'"),
    ("generate nothing --rows 4 --out x", "there is no block 'nothing'"),
    ("generate gemm", "Missing option '--out'"),
    ("generate gemm --out=", "--out needs the name of a folder, not ''"),
    ("verify gemm --stall 1", "--stall must be at least 0 and below 1"),
    ("verify gemm --seed -1", "--seed must be in 0..2147483647"),
    ("verify --simulator mine", "--simulator must be one of verilator, icarus, not 'mine'"),
    ("verify gemm --waves /dev/null", "is a device, not a file"),
    ("verify gemm --export=", "--export needs the name of a folder"),
    ("simulate softmax --inputs x.npz --board nothing", "--board must be one of vc709, zcu102"),
    ("generate", "Missing argument 'BLOCK'"),
    ("synth gemm", "synth needs --board"),
    ("synth gemm --board nothing", "--board must be one of vc709, zcu102"),
    ("simulate array --inputs x.npz", "array is for generate and synth only"),
    ("simulate gemm --run-dataflow is --inputs x.npz", "--run-dataflow must be one of"),
    ("show nothing", "there is no block 'nothing'"),
    ("fit accelerator --board zcu102", "its presets are tiny, zcu102, vc709, and synth counts"),
    (f"generate {SMALL} --streams dma --out x", "are for blocks with streams, which accelerator"),
    (f"generate {SMALL} --fifo-depth 4 --out x", "are for blocks with streams, which accelerator"),
    ("verify accelerator", "accelerator can be generated, simulated and synthesized, but not"),
    ("verify array", "array can be generated and synthesized, but not verified alone"),
]


@pytest.mark.parametrize(("words", "says"), GENERATE)
def test_options(refused, words, says):
    assert says in refused("generate", "gemm", *words.split(), "--out", "x")


@pytest.mark.parametrize(("words", "says"), OTHERS)
def test_words(refused, words, says):
    assert says in refused(*words.split())


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("rows = ", "is not TOML"),
        ("lines = 4", "gemm has no option lines"),
        ("rows = 1.5", "--rows must be a whole number"),
        ("rows = true", "--rows must be a whole number"),
        ("rows = 4\n[nothing]\ncols = 4", "there is no block 'nothing' for a table"),
        ("[gemm]\nlines = 4", "gemm has no option lines"),
        # F9
        ("acc-width = 32\nacc_width = 30", "--acc-width is given twice"),
        ("[gemm]\nacc-width = 32\nacc_width = 30", "--acc-width is given twice"),
        (f"rows = {'[' * 5000}{']' * 5000}", "is nested too deeply"),
        (f"rows = {'9' * 5000}", "cannot be read"),
        (f"rows = {10**20}", f"--rows must be in 1..256, not {10**20}"),
        ("rows = [[4]]", "--rows must be a whole number in 1..256, not [[4]]"),
        (f"# {'x' * 2**20}", "is larger than 1,048,576 bytes"),
    ],
)
def test_config(refused, tmp_path, toml, says):
    (tmp_path / "c.toml").write_text(toml)
    assert says in refused("generate", "gemm", "--config", "c.toml", "--out", "x")


def test_f9_config_that_is_no_text(refused, tmp_path):
    (tmp_path / "c.toml").write_bytes(b"rows = '\xff'")
    generate = ("generate", "gemm", "--out", "x", "--config")
    assert "is not UTF-8 text" in refused(*generate, "c.toml")
    assert "Is a directory" in refused(*generate, ".")
    assert "is larger than" in refused(*generate, "/dev/zero")


HUGE = [
    ("simulate conv2d --inputs in.npz --stride", "--stride must be"),
    ("simulate conv2d --inputs in.npz --padding 0,", "--padding must be whole numbers at least 0"),
    ("simulate gemm --inputs in.npz --clamp", "--clamp must be at most"),
    ("simulate gemm --inputs in.npz --rows", "--rows must be in 1..256"),
    ("generate gemm --out x --clock-mhz", "--clock-mhz must be in 1..2000"),
    ("simulate conv2d --inputs in.npz --memory-latency", "--memory-latency must be in 0.."),
]


@pytest.mark.parametrize(("words", "says"), HUGE)
def test_f9_numbers_beyond_all_bounds(refused, tmp_path, words, says):
    np.savez(
        tmp_path / "in.npz", x=np.ones((1, 1, 3, 3), np.int8), w=np.ones((1, 1, 2, 2), np.int8)
    )
    join = "" if words.endswith(",") else " "
    for number in (10**20, 10**300, "9" * 5000):
        line = refused(*f"{words}{join}{number}".split())
        assert len(line) < 600
        if number == 10**20:
            assert says in line


def test_f9_lists_that_are_none(refused, tmp_path):
    npz(tmp_path / "in.npz")
    assert "--clamp must be whole numbers, with commas between them, not 'a,b'" in refused(
        "simulate", "gemm", "--inputs", "in.npz", "--clamp", "a,b"
    )


LONG = [
    "simulate gemm --inputs {}",
    "simulate gemm --inputs in.npz --out {}",
    "simulate gemm --inputs in.npz --out {}/out.npz",
    "simulate gemm --inputs in.npz --waves {}",
    "generate gemm --rows 1 --cols 1 --out {}",
    "generate gemm --rows 1 --cols 1 --out x/{}/y",
    "generate gemm --config {} --out x",
    "generate gemm --board {}.toml --out x",
    "generate {} --out x",
    "synth gemm --board {}",
    "show {}",
    "{}",
]


@pytest.mark.parametrize("length", [300, 5_000])
@pytest.mark.parametrize("words", LONG)
def test_f9_long_names(refused, tmp_path, words, length):
    npz(tmp_path / "in.npz")
    assert len(refused(*words.format("n" * length).split())) < 600


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("name = ", "is not TOML"),
        ("name = 'mine'", "lacks cascade, cell"),
        ("colour = 1", "lacks"),
    ],
)
def test_board_file(refused, tmp_path, toml, says):
    (tmp_path / "b.toml").write_text(toml)
    assert says in refused("synth", "gemm", "--board", "b.toml")


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"extra": A}, "holds 'extra'; the arrays are a, b, bias"),
        ({"b": np.ones((5, 5), np.int8)}, "b must have 4 rows, not 5"),
        ({"b": np.ones(4, np.int8)}, "b must have shape [K, N]"),
        ({"a": A.astype(float)}, "a must hold integers, not float64"),
        ({"a": np.full((3, 4), np.nan)}, "a must hold integers, not float64"),
        ({"a": A.astype(complex)}, "a must hold integers, not complex128"),
        ({"a": np.full((3, 4), 128)}, "a[0, 0] is 128, but s8 holds -128..127"),
        ({"a": np.ones((0, 4), np.int8)}, "a must have shape [M, K]"),
        ({"b": np.ones((4, 0), np.int8)}, "b must have shape [K, N]"),
        ({"a": np.ones((3, 0), np.int8), "b": np.ones((0, 5), np.int8)}, "not [3, 0]"),
        ({"multiplier": np.array([3])}, "multiplier was given without shift"),
        ({"shift": np.array([3])}, "shift was given without multiplier"),
        ({"multiplier": np.array([3]), "shift": np.array([-1])}, "shift must be in 0..47, not -1"),
    ],
)
def test_arrays(refused, tmp_path, monkeypatch, arrays, says):
    """J: `verify` refuses what `simulate` refuses, before anything is built."""
    npz(tmp_path / "in.npz", **arrays)
    sentence = refused("simulate", "gemm", "--inputs", "in.npz", "--out", "out.npz")
    assert says in sentence
    monkeypatch.setattr(regression, "verify", lambda *_: pytest.fail("a build began"))
    with pytest.raises(UsageError) as refusal:
        regression.verify_block("gemm", {}, {}, tmp_path / "in.npz", How())
    assert sentence == f"gemmule: {' '.join(str(refusal.value).split())}\n".replace(
        str(tmp_path / "in.npz"), "in.npz"
    )


def test_k_beyond_the_accumulator(refused, tmp_path):
    k = 2**17
    npz(tmp_path / "in.npz", a=np.ones((1, k), np.int8), b=np.ones((k, 1), np.int8))
    assert "it takes --acc-width 33" in refused("simulate", "gemm", "--inputs", "in.npz")


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "there is no file"), (b"no zip", "is not an .npz file"), (b"", "is not an .npz file")],
)
def test_files_that_are_no_zip(refused, tmp_path, content, says):
    if content is not None:
        (tmp_path / "in.npz").write_bytes(content)
    assert says in refused("simulate", "gemm", "--inputs", "in.npz")


class Trap:
    """Fails the test if anybody unpickles it."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


def test_pickles(refused, tmp_path):
    (tmp_path / "in.npz").write_bytes(pickle.dumps(Trap()))
    assert "is not an .npz file" in refused("simulate", "gemm", "--inputs", "in.npz")
    np.savez(tmp_path / "in.npz", a=np.array([Trap()], dtype=object), b=B)
    assert "cannot be read" in refused("simulate", "gemm", "--inputs", "in.npz")


def test_zips_that_hold_no_arrays(refused, tmp_path):
    with zipfile.ZipFile(tmp_path / "in.npz", "w") as file:
        file.writestr("a", b"text")
        file.writestr("b.npy", b"text")
    refused("simulate", "gemm", "--inputs", "in.npz")
    with zipfile.ZipFile(tmp_path / "in.npz", "w") as file:
        file.writestr("a.npy", b"\x93NUMPY\x01\x00\x76\x00{'descr': '<i8'")
        file.writestr("b.npy", b"")
    assert "cannot be read" in refused("simulate", "gemm", "--inputs", "in.npz")


def test_f9_one_array_under_two_names(refused, tmp_path):
    np.savez(tmp_path / "one.npz", a=A, b=B)
    with zipfile.ZipFile(tmp_path / "one.npz", "a") as file:
        file.writestr("a", file.read("a.npy"))
    assert "holds 'a' twice" in refused("simulate", "gemm", "--inputs", "one.npz")


def test_f9_errors_of_ours_are_a_sentence(monkeypatch, capfd):
    def fail():
        raise KeyError("a fault\nof two lines")

    monkeypatch.delenv(TRACEBACK)
    assert ended(fail) == FAULT
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "an error in Gemmule, KeyError" in err
    assert f"{TRACEBACK}=1" in err
    monkeypatch.setenv(TRACEBACK, "1")
    with pytest.raises(KeyError):
        ended(fail)


def test_what_a_compiler_said_stands_below_the_sentence(monkeypatch, capfd):
    monkeypatch.delenv(TRACEBACK, raising=False)
    broken = "module dut(input clk); assign nothing = ; endmodule"
    assert ended(lambda: compiled(COCOTB, broken, "dut", {}) and 0) == FAULT
    sentence, *said = capfd.readouterr().err.splitlines()
    assert "an error in Gemmule, ToolFailedError" in sentence
    assert "verilator" in sentence
    assert len(said) <= ToolFailedError.LAST
    assert any("syntax error" in line for line in said)


def test_missing_array(refused, tmp_path):
    np.savez(tmp_path / "in.npz", a=A)
    assert "lacks b [K, N]" in refused("simulate", "gemm", "--inputs", "in.npz")


@pytest.mark.parametrize("stall", ["1", "-0.1", "nan", "inf", "half"])
def test_stall(refused, tmp_path, stall):
    npz(tmp_path / "in.npz")
    assert "--stall" in refused("simulate", "gemm", "--inputs", "in.npz", "--stall", stall)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("width", "0", "in 1..4294967295, not 0"),
        ("width", str(2**40), f"in 1..4294967295, not {2**40}"),  # F9
        ("latency", "-1", "in 0..4294967295, not -1"),
        ("width", "8", "no external"),
    ],
)
def test_memory(refused, tmp_path, option, value, said):
    npz(tmp_path / "in.npz")
    text = refused("simulate", "gemm", "--inputs", "in.npz", f"--memory-{option}", value)
    assert f"--memory-{option}" in text
    assert said in text


def test_places_that_cannot_be_written(refused, tmp_path):
    npz(tmp_path / "in.npz")
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    simulate = ("simulate", "gemm", "--inputs", "in.npz")
    (tmp_path / "null").symlink_to("/dev/null")
    for option in ("--out", "--waves"):
        assert "is a device, not a file" in refused(*simulate, option, "/dev/null")
        assert "is a device, not a file" in refused(*simulate, option, "null")
    assert "--out" in refused("generate", "gemm", "--rows", "2", "--cols", "2", "--out", "file/x")
    assert "--waves" in refused(*simulate, "--waves", "no/such/folder/x.fst")
    assert "--waves" in refused(*simulate, "--waves", "folder")
    assert "--out" in refused(*simulate, "--out", "file/out.npz")


def test_no_compiler_on_path(refused, tmp_path, monkeypatch):
    npz(tmp_path / "in.npz")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("GEMMULE_CACHE", str(tmp_path / "cache"))
    assert "C++ compiler" in refused("simulate", "gemm", "--inputs", "in.npz")
