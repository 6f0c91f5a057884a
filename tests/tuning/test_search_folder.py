"""A search's folder: what it may hold, and who may use it."""

import threading

import pytest

from kerastransfer.errors import InputError
from kerastransfer.foundation import atomic
from kerastransfer.tuning import search_folder
from kerastransfer.tuning.search_folder import taking_part

WANTED = {"tuner": "hyperband", "rounds": 3, "settings": {}}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in ("KERASTUNER_ORACLE_IP", "KERASTUNER_TUNER_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(search_folder, "_PATIENCE", 5.0)


@pytest.fixture
def as_worker(monkeypatch):
    def become():
        monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
        monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker0")

    return become


def listed(folder):
    return sorted(path.name for path in folder.iterdir())


def test_two_processes_that_know_nothing_of_each_other_are_refused(tmp_path):
    with taking_part(tmp_path, WANTED):
        for restart in (False, True):
            with (
                pytest.raises(InputError, match="Another search is under way in"),
                taking_part(tmp_path, WANTED, restart=restart),
            ):
                pass
        assert "search.json" in listed(tmp_path)
    with taking_part(tmp_path, WANTED):
        pass


def test_a_worker_cannot_restart_what_others_share(tmp_path, as_worker):
    with taking_part(tmp_path, WANTED):
        (tmp_path / "trials").mkdir()
        as_worker()
        with (
            pytest.raises(InputError, match="--restart at the chief alone"),
            taking_part(tmp_path, WANTED, restart=True),
        ):
            pass
        with taking_part(tmp_path, WANTED):  # without it, it takes part
            assert "trials" in listed(tmp_path)


def test_what_a_kill_leaves_is_no_other_search(tmp_path):
    for name in (".part-x7", search_folder.LOCK):
        (tmp_path / name).touch()
    with taking_part(tmp_path, WANTED):
        assert "search.json" in listed(tmp_path)


def test_a_restart_forgets_all_but_the_lock(tmp_path):
    with taking_part(tmp_path, WANTED):
        (tmp_path / "trials" / "trial_0").mkdir(parents=True)
    with taking_part(tmp_path, {**WANTED, "rounds": 9}, restart=True):
        assert listed(tmp_path) == ["search.json", search_folder.LOCK]


def test_a_folder_that_holds_something_else_gets_no_lock(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with (
        pytest.raises(InputError, match="Expected a search or nothing"),
        taking_part(tmp_path, WANTED, restart=True),
    ):
        pass
    assert listed(tmp_path) == ["thesis.txt"]


def test_a_worker_waits_for_its_chief(tmp_path, as_worker):
    as_worker()
    folder = tmp_path / "search"
    late = threading.Timer(
        0.5, lambda: atomic.write_json(folder / "search.json", WANTED)
    )
    late.start()
    with taking_part(folder, WANTED):
        pass
    late.join()


def test_a_worker_does_not_wait_for_ever(tmp_path, as_worker, monkeypatch):
    as_worker()
    monkeypatch.setattr(search_folder, "_PATIENCE", 0.3)
    with (
        pytest.raises(InputError, match="start the chief, with the same --out"),
        taking_part(tmp_path / "search", WANTED),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_another_number_of_trials_is_told_in_those_words(tmp_path):
    with taking_part(tmp_path, WANTED):
        pass
    with (
        pytest.raises(InputError, match=r"and --trials .* differ; name another --out"),
        taking_part(tmp_path, {**WANTED, "rounds": 9}),
    ):
        pass


@pytest.mark.parametrize("text", ["{", "[1]", "\xff"])
def test_a_damaged_file_is_a_line_and_can_be_restarted(tmp_path, text):
    path = tmp_path / "search.json"
    path.write_text(text, encoding="latin-1")
    with (
        pytest.raises(InputError, match=r"Expected a search in .*search.json") as told,
        taking_part(tmp_path, WANTED),
    ):
        pass
    assert "\n" not in str(told.value)
    with taking_part(tmp_path, WANTED, restart=True):
        pass
