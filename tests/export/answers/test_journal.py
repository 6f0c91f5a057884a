"""Rows that were written before work was stopped."""

import pytest

from kerastransfer.errors import InputError
from kerastransfer.export.answers import journal

ASKED = {"files": "abc", "top": 1}
ROWS = [{"path": str(i), "label": "é\n"} for i in range(5)]


def stopped(table, rows=ROWS, asked=ASKED):
    with pytest.raises(RuntimeError), journal.opened(table, asked) as kept:
        kept.add(rows[:2])
        kept.add(rows[2:])
        raise RuntimeError
    return journal.beside(table)


def test_rows_are_there_after_a_stop_and_gone_after_the_end(tmp_path):
    table = tmp_path / "a.csv"
    path = stopped(table)
    assert path.exists()
    with journal.opened(table, ASKED) as kept:
        assert kept.done == 5
        kept.add([{"path": "more"}])
        assert [*kept.rows()] == [*ROWS, {"path": "more"}]
    assert not path.exists()


@pytest.mark.parametrize("cut", range(1, 150, 7))
def test_a_line_that_was_cut_off_is_left_out(tmp_path, cut):
    table = tmp_path / "a.csv"
    path = stopped(table)
    whole = path.read_bytes()
    kept_bytes = whole[: max(len(whole) - cut, 0)]
    path.write_bytes(kept_bytes)
    with pytest.raises(RuntimeError), journal.opened(table, ASKED) as kept:
        assert kept.done == kept_bytes.count(b"\n") - 1
        assert [*kept.rows()] == ROWS[: kept.done]
        kept.add(ROWS[kept.done :])
        assert [*kept.rows()] == ROWS
        raise RuntimeError
    assert path.read_bytes() == whole


def test_a_journal_of_which_only_a_part_of_the_first_line_is_there_is_empty(tmp_path):
    table = tmp_path / "a.csv"
    journal.beside(table).write_bytes(b'{"files": "a')
    with journal.opened(table, ASKED) as kept:
        assert kept.done == 0


def test_noise_at_the_end_is_left_out(tmp_path):
    table = tmp_path / "a.csv"
    path = stopped(table)
    path.write_bytes(path.read_bytes() + b"\0" * 40 + b"\n")
    with journal.opened(table, ASKED) as kept:
        assert kept.done == 5


def test_another_question_begins_anew_and_keeps_the_rows_aside(tmp_path, capsys):
    table = tmp_path / "a.csv"
    whole = stopped(table).read_bytes()
    with journal.opened(table, {**ASKED, "top": 2}) as kept:
        assert kept.done == 0 and [*kept.rows()] == []
    assert "begun anew" in capsys.readouterr().err
    assert (tmp_path / "a.csv.unfinished.before1").read_bytes() == whole


def test_batches_that_were_cut_off_are_left_out(tmp_path):
    table = tmp_path / "a.csv"
    path = stopped(table)
    header = path.read_bytes().index(b"\n") + 1
    with pytest.raises(RuntimeError), journal.opened(table, ASKED, 2) as kept:
        assert kept.done == 4
        assert [*kept.rows()] == ROWS[:4]
        raise RuntimeError
    path.write_bytes(path.read_bytes()[: header + 5])
    with journal.opened(table, ASKED, 2) as kept:
        assert kept.done == 0


def test_a_file_that_is_no_journal_is_left_alone(tmp_path):
    table = tmp_path / "a.csv"
    journal.beside(table).write_text("my notes")
    with (
        pytest.raises(InputError, match="move it away"),
        journal.opened(table, ASKED),
    ):
        pass
    assert journal.beside(table).read_text() == "my notes"
