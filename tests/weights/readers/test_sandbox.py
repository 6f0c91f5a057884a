"""Files that harm the process that reads them, read in one that may be harmed."""

import base64
import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from kerastransfer.errors import MissingError, WeightsError
from kerastransfer.weights.readers import answer, contents, sandbox
from kerastransfer.weights.readers.sandbox import Limits
from kerastransfer.weights.readers.weight_file import WeightFile

DATA = Path(__file__).parents[2] / "data"
MUTANTS = json.loads((DATA / "hdf5_mutants.json").read_text(encoding="ascii"))
HARMFUL = "tests.helpers.harmful_readers"
REPOSITORY = Path(__file__).parents[3]
HERE = "kerastransfer.weights.readers.contents:read_here"
GB = 1 << 30
linux = pytest.mark.skipif(sys.platform != "linux", reason="bounds of Linux")


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(REPOSITORY))
    path = tmp_path / "a.h5"
    path.write_bytes(b"x")
    return path


def read(path, reader, **limits):
    return sandbox.read(path, f"{HARMFUL}:{reader}", Limits(**limits))


@pytest.mark.parametrize(
    ("reader", "what"),
    [("crash", r"\(SIGSEGV\)|exit code"), ("leave", r"\(exit code 0\)")],
)
def test_the_death_of_the_reader_is_an_error_of_one_line(path, reader, what):
    with pytest.raises(WeightsError, match=rf"a\.h5', but .*({what}).*get it again"):
        read(path, reader)


def test_time_is_bounded_whatever_holds_the_lock(path):
    start = time.monotonic()
    with pytest.raises(WeightsError, match=r"more than 3 s; it is damaged"):
        read(path, "loop", seconds=3)
    assert time.monotonic() - start < 15


@linux
def test_memory_is_bounded(path):
    with pytest.raises(WeightsError, match="more memory than it may"):
        read(path, "allocate", memory=1 << 28)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_file_on_which_libhdf5_loops_or_fills_memory_is_an_error(name, tmp_path):
    """Mutants of a small file; another libhdf5 may call them damaged at once."""
    path = tmp_path / f"{name}.weights.h5"
    path.write_bytes(zlib.decompress(base64.b85decode(MUTANTS[name])))
    with pytest.raises(WeightsError, match=r"more than 4 s|memory|cannot be parsed"):
        sandbox.read(path, HERE, Limits(seconds=4))


def test_a_fault_keeps_its_trace(path):
    with pytest.raises(RuntimeError, match="ZeroDivisionError: a fault of ours"):
        read(path, "fault")


def test_what_a_library_prints_is_no_answer(path, capfd):
    assert read(path, "noisy").class_names == ("\udce9\u2028",)
    assert capfd.readouterr() == ("", "")


@linux
def test_the_reader_ends_with_the_process_that_asked(path):
    code = (
        "import sys; from pathlib import Path\n"
        "from kerastransfer.weights.readers import sandbox\n"
        f"sandbox.read(Path(sys.argv[1]), '{HARMFUL}:wait')"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    parent = subprocess.Popen([sys.executable, "-c", code, path], env=environment)
    note = path.with_suffix(".pid")
    deadline = time.monotonic() + 60
    while not (note.exists() and note.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    reader = int(note.read_text())
    os.kill(reader, 0)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while time.monotonic() < deadline:
        stat = Path(f"/proc/{reader}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError("the reader goes on alone")


def crafted(text, numbers=b""):
    data = text if isinstance(text, bytes) else text.encode()
    return numbers + data + struct.pack("<Q8s", len(data), b"KTWREAD1")


PLAIN = (
    '{{"format": "npz", "on_demand": false, "layers": [], "skipped": [], '
    '"class_names": [], "arrays": [{}]}}'
)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"KTWREAD1",
        struct.pack("<Q8s", 1 << 60, b"KTWREAD1"),
        crafted("[" * 100_000),
        crafted("[]"),
        crafted("{}"),
        crafted('{"error": {"class": "SystemExit", "text": "x"}}'),
        crafted('{"error": 3}'),
        crafted(PLAIN.format(""), b"more"),
        crafted(PLAIN.format('{"name": "w", "shape": [2], "dtype": "<f4"}'), bytes(4)),
        crafted(PLAIN.format('{"name": "w", "shape": [-1], "dtype": "<f4"}')),
        crafted(
            PLAIN.format('{"name": "w", "shape": [1.0], "dtype": "<f4"}'), bytes(4)
        ),
        crafted(PLAIN.format('{"name": "w", "shape": [1], "dtype": "|O8"}'), bytes(8)),
        crafted(PLAIN.format('{"name": 1, "shape": [0], "dtype": "<f4"}')),
        crafted(PLAIN.format('{"name": "w", "shape": 1, "dtype": "<f4"}')),
        crafted(
            PLAIN.format(f'{{"name": "w", "shape": [{2**40}, 0], "dtype": "<f4"}}')
        ),
        crafted(PLAIN.format(f'{{"name": "w", "shape": [1{"0" * 5000}]}}')),
        crafted(
            PLAIN.format(", ".join(['{"name": "w", "shape": [0], "dtype": "<f4"}'] * 2))
        ),
    ],
)
def test_an_answer_is_not_believed(data):
    with pytest.raises(answer.UnsoundAnswerError):
        answer.read(io.BytesIO(data), len(data), "")


def test_arrays_come_back_bit_for_bit(tmp_path):
    rng = np.random.default_rng(0)
    blobs = tuple(
        rng.integers(0, 255, 96, np.uint8).view(dtype).reshape(-1, 2)
        for dtype in ("<f2", ">f4", "<f8", "|i1", "<i8", ">u2")
    )
    odd = (np.float32(np.nan).reshape(()), np.zeros((0, 3)), np.array([True, False]))
    file = WeightFile(format="caffe", layers={"a": blobs, "b": odd, "c": ()})
    stream = io.BytesIO()
    answer.write(stream, file)
    back = answer.read(stream, len(stream.getvalue()), "").layers
    assert list(back) == ["a", "b", "c"]
    for name, expected in file.layers.items():
        for one, other in zip(back[name], expected, strict=True):
            assert one.dtype == other.dtype
            assert one.shape == other.shape
            assert one.tobytes() == np.asarray(other).tobytes()
            assert one.flags.writeable


@pytest.mark.parametrize("name", ["checkpoint_zip", "nested_legacy", "tensors_legacy"])
def test_a_file_is_read_as_in_this_process(name):
    path = DATA / f"{name}.pth"
    apart, here = contents.read_any(path), contents.read_here(path)
    assert (apart.skipped, apart.class_names) == (here.skipped, here.class_names)
    assert apart.arrays.shapes == here.arrays.shapes
    for each in here.arrays:
        np.testing.assert_array_equal(
            apart.arrays[each], here.arrays[each], strict=True
        )


def test_an_array_that_is_damaged_harms_no_other(tmp_path):
    """As where a checkpoint's optimizer is damaged and its weights are whole."""
    data = bytearray((DATA / "tensors_zip.pth").read_bytes())
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        member = next(m for m in archive.infolist() if m.filename.endswith("data/0"))
        name, extra = struct.unpack_from("<HH", data, member.header_offset + 26)
    data[member.header_offset + 30 + name + extra] ^= 1
    path.write_bytes(data)
    apart, here = contents.read_any(path).arrays, contents.read_here(path).arrays
    outcomes = []
    for arrays in (apart, here):
        outcome = {}
        for each in arrays:
            try:
                outcome[each] = arrays[each].tobytes()
            except WeightsError as error:
                outcome[each] = str(error)
        outcomes.append(outcome)
    assert outcomes[0] == outcomes[1]
    assert len({type(each) for each in outcomes[0].values()}) == 2


def test_errors_are_those_of_the_reader(tmp_path):
    path = tmp_path / "a.pth"
    for data in (b"<html>", b"\x0a\x05not one", b"PK\x03\x04", b"\x89HDF\r\n\x1a\nx"):
        path.write_bytes(data)
        messages = []
        for reader in (contents.read_any, contents.read_here):
            with pytest.raises(WeightsError) as caught:
                reader(path)
            messages.append(str(caught.value))
        assert messages[0] == messages[1]
    with pytest.raises(MissingError):
        contents.read_any(tmp_path / "none")


def npz_bomb(path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (1 << 28,)}
    )
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("w.npy", "w", force_zip64=True) as member,
    ):
        member.write(header.getvalue())
        for _ in range(64 - 1):
            member.write(bytes(1 << 24))
        member.write(bytes((1 << 24) - len(header.getvalue())))


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes((*out, number))


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def caffe_bomb_of_numbers(path):
    blob = b"\x2d\0\0\0\0" * 2_400_000  # each number a field of its own
    path.write_bytes(field(100, field(1, b"ip") + field(7, blob)))


def caffe_bomb_of_blobs(path):
    path.write_bytes(field(100, field(1, b"ip") + field(7, b"") * 6_000_000))


def caffe_bomb_of_axes(path):
    blob = field(7, field(1, b"\0" * 12_000_000))
    path.write_bytes(field(100, field(1, b"ip") + field(7, blob)))


def hdf5_bomb(path):
    """A claim of zeros that are nowhere."""
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/dense/vars")
        group.attrs["name"] = "dense"
        group.create_dataset("0", (1 << 14, 1 << 14), "f4", chunks=(64, 64))


MEASURE = """
import sys
from pathlib import Path
from kerastransfer.errors import WeightsError
from kerastransfer.weights.readers import contents
try:
    contents.read_here(Path(sys.argv[1]))
except WeightsError as error:
    print(error, file=sys.stderr)
status = Path("/proc/self/status").read_text()
print(status.partition("VmHWM:")[2].split()[0])
"""


@linux
@pytest.mark.parametrize(
    ("write", "most"),
    [
        (npz_bomb, 200_000),
        (caffe_bomb_of_numbers, 200_000),
        (caffe_bomb_of_blobs, 200_000),
        (caffe_bomb_of_axes, 200_000),
        (hdf5_bomb, 200_000),
    ],
)
def test_small_files_do_not_take_much_memory(write, most, tmp_path):
    path = tmp_path / "bomb"
    write(path)
    assert path.stat().st_size < 13_000_000
    ended = subprocess.run(
        [sys.executable, "-c", MEASURE, path],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(ended.stdout) < most  # KB
    assert "Expected" in ended.stderr


def test_limits_follow_the_size_of_the_file():
    assert Limits().for_file(GB) == (180, 3 * GB // 2 + 4 * GB)
