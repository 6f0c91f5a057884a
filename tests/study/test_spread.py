"""Two processes of Ray make the table that one process makes."""

import os
from pathlib import Path

import pytest
from helpers import ray_worker, small_run, small_study
from helpers.warm import WarmProcess

import kerastransfer as kt
from kerastransfer import cli
from kerastransfer.errors import InputError
from kerastransfer.study.spread import Spread

ray = pytest.importorskip("ray")
TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("spread")
    small_run.make_images(place / "images")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASTRANSFER_HOME", str(place / "home"))
        yield place


@pytest.fixture(scope="module")
def whole(place):
    """The table of one process."""
    process = WarmProcess(Path(small_study.__file__), place, place / "whole")
    _, told = process.communicate()
    assert process.returncode == 0, told
    return small_study.table(place / "whole")


def test_a_cluster_that_is_not_there_is_told(tmp_path, capsys):
    grid = "--datasets digits --recipes R1-8 --images-per-class 1"
    where = f"--address 127.0.0.1:9 --out {tmp_path}"
    assert cli.main(["study", "run", *grid.split(), *where.split()]) == 1
    said = capsys.readouterr().err
    assert "Expected a Ray cluster at '127.0.0.1:9'" in said
    assert "Traceback" not in said


@pytest.fixture(scope="module")
def cluster(place):
    """Two processes of Ray's, of which the first to train dies."""
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    environment = {
        "PYTHONPATH": paths,
        "KERASTRANSFER_HOME": os.environ["KERASTRANSFER_HOME"],
        ray_worker.MARK: str(place / "killed"),
    }
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
        runtime_env={
            "env_vars": environment,
            "worker_process_setup_hook": "helpers.ray_worker.die_once",
        },
    )
    yield
    ray.shutdown()


@pytest.mark.slow
def test_two_processes_one_of_which_is_killed_make_the_same_table(
    place, whole, cluster
):
    small_study.main(place, place / "spread", workers=2)
    assert small_study.table(place / "spread") == whole
    assert [row["status"] for row in whole] == ["finished", "finished"]
    assert (place / "killed").exists()


def test_what_makes_no_sense_is_refused():
    for fields in ({"workers": 0}, {"cpus": 0}, {"gpus": -1}):
        with pytest.raises(InputError, match="Expected --"):
            Spread(**fields)


@pytest.mark.slow
def test_more_than_the_cluster_has_is_refused(tmp_path, cluster):
    with pytest.raises(InputError, match="room for a run of 1 CPUs and 8 GPUs"):
        kt.study(
            ["digits"],
            recipes=["R1-8"],
            images_per_class=[1],
            workers=1,
            run_gpus=8,
            out=tmp_path,
        )
