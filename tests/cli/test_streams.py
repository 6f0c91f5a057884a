"""Terminals as they are: other encodings, closed streams, readers that go away."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kerastransfer import cli
from kerastransfer.cli import streams

PROGRAM = [sys.executable, "-m", "kerastransfer"]
EXPLAIN = ["recipes", "explain", "F1-7R8"]
# Prints a file's name that is no UTF-8, and one that Latin-1 lacks, as commands do.
PRINT_NAMES = """
import os
from kerastransfer.cli import streams
streams.prepare()
with streams.flushed():
    print(os.fsdecode(b"caf\\xe9.png") + "\\tA\\u0142a")
    raise SystemExit(0)
"""
# Writes a file after its notes and its results found no reader.
WORK_ON = """
import sys, time
from pathlib import Path
from kerastransfer.cli import streams
from kerastransfer.foundation import report
streams.prepare()
with streams.flushed():
    time.sleep(1)
    for step in range(3):
        report.say(f"step {step}")
        print(f"a library says {step}", file=sys.stderr, flush=True)
    Path(sys.argv[1]).write_text("complete", encoding="utf-8")
    print("done")
    raise SystemExit(0)
"""


def environment(tmp_path, **variables):
    plain = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    return {**plain, "KERASTRANSFER_HOME": str(tmp_path), **variables}


def shell(tmp_path, line, *arguments, **variables):
    """Run a line of bash in which "$@" stands for a command."""
    return subprocess.run(
        ["bash", "-c", line, "bash", *arguments],
        env=environment(tmp_path, **variables),
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["datasets"], EXPLAIN, ["--help"]])
def test_a_reader_that_goes_away_ends_it_quietly(tmp_path, arguments, unbuffered):
    ended = shell(
        tmp_path,
        '"$@" | true; echo "${PIPESTATUS[0]}"',
        *(*PROGRAM, *arguments),
        PYTHONUNBUFFERED=unbuffered,
    )
    assert ended.stdout == b"141\n"
    assert ended.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["datasets"], ["--help"]])
def test_a_full_disk_under_the_output_is_one_line(tmp_path, arguments):
    ended = shell(tmp_path, '"$@" >/dev/full', *PROGRAM, *arguments)
    assert ended.returncode == 1
    expected = "kerastransfer: error: No space left on device: standard output\n"
    assert ended.stderr.decode() == expected


@pytest.mark.parametrize(
    ("line", "code", "out", "err"),
    [
        ('"$@" >&-', 1, "", "kerastransfer: error: Expected a run or a SavedModel"),
        ('"$@" 2>&-', 1, "", ""),
        ('"$@" <&- >&- 2>&-', 1, "", ""),
    ],
)
def test_closed_streams_lead_nowhere(tmp_path, line, code, out, err):
    ended = shell(tmp_path, line, *PROGRAM, "predict", str(tmp_path / "no"), "x.png")
    assert (ended.returncode, ended.stdout.decode()) == (code, out)
    assert ended.stderr.decode().startswith(err)
    assert bool(ended.stderr) == bool(err)


def test_results_for_a_closed_output_are_no_failure(tmp_path):
    assert shell(tmp_path, '"$@" >&-', *PROGRAM, "datasets").returncode == 0


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ascii", rb"caf\udce9.png" + b"\t" + rb"A\u0142a" + b"\n"),
        ("latin-1", rb"caf\udce9.png" + b"\t" + rb"A\u0142a" + b"\n"),
        ("cp1252", rb"caf\udce9.png" + b"\t" + rb"A\u0142a" + b"\n"),
        ("utf-8", rb"caf\udce9.png" + "\tAła\n".encode()),
    ],
)
def test_what_an_encoding_lacks_is_escaped(tmp_path, encoding, expected):
    ended = subprocess.run(
        [sys.executable, "-c", PRINT_NAMES],
        env=environment(tmp_path, PYTHONIOENCODING=encoding),
        capture_output=True,
        check=False,
    )
    assert ended.stdout == expected
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_the_c_locale_keeps_every_row(tmp_path):
    variables = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ended = shell(tmp_path, '"$@"', *PROGRAM, *EXPLAIN, **variables)
    assert ended.returncode == 0 and ended.stderr == b""
    rows = [
        line for line in ended.stdout.decode("ascii").splitlines() if "MBConv" in line
    ]
    assert len(rows) == 7


def test_the_work_goes_on_where_its_notes_find_no_reader(tmp_path):
    out = tmp_path / "out"
    ended = shell(
        tmp_path,
        '"$@" 2>&1 | true; echo "${PIPESTATUS[0]}"',
        *(sys.executable, "-c", WORK_ON, str(out)),
    )
    assert out.read_text(encoding="utf-8") == "complete"
    assert ended.stdout == b"141\n"  # "done" found no reader either


@pytest.mark.parametrize("columns", ["1", "20", "500"])
def test_no_table_loses_a_word_in_a_narrow_terminal(tmp_path, columns):
    for variables in ({}, {"TERM": "dumb", "NO_COLOR": "1"}, {"FORCE_COLOR": ""}):
        ended = shell(
            tmp_path, '"$@"', *PROGRAM, *EXPLAIN, COLUMNS=columns, **variables
        )
        text = ended.stdout.decode()
        assert "stem, MBConv 0" in text and "…" not in text and "\x1b" not in text


def test_names_are_no_markup():
    with contextlib.redirect_stdout(io.StringIO()) as out:
        streams.console().print("folder:/data/[red]one:cat:/[bold]x")
    assert out.getvalue() == "folder:/data/[red]one:cat:/[bold]x\n"


def test_what_is_shown_does_not_speak_to_the_terminal(capsys):
    streams.show("class \x1b[2J\u202e\n\tline")
    assert capsys.readouterr().out == "class \\x1b[2J\\u202e\n\tline\n"


def test_an_error_is_short_and_does_not_speak_to_the_terminal(tmp_path, capsys):
    name = "\x1b[2J" + "x" * 5_000
    assert cli.main(["weights", "verify", name]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.strip().isprintable()
    assert len(said) < 2_100
