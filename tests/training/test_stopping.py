"""Votes to stop: what a process says, and what the votes of all come to."""

import os
import signal

import numpy as np
import pytest

from kerastransfer.errors import Terminated
from kerastransfer.training.stopping import StopReason, StopRequest, StopSignal


def test_a_process_votes_to_terminate_after_a_signal():
    stop_signal = StopSignal()
    np.testing.assert_array_equal(stop_signal.votes(), [0, 0])
    stop_signal.check()
    with stop_signal.listening():
        os.kill(os.getpid(), signal.SIGTERM)
        np.testing.assert_array_equal(stop_signal.votes(), [1, 0])
    with pytest.raises(Terminated) as stopped:
        stop_signal.check()
    assert stopped.value.code == 128 + signal.SIGTERM


def test_time_that_earlier_starts_took_counts_and_only_by_the_chiefs_clock():
    assert StopSignal(60.0, spent=59.0).votes().tolist() == [0, 0]
    assert StopSignal(60.0, spent=61.0).votes().tolist() == [0, 1]
    assert StopSignal(60.0, spent=61.0, chief=False).votes().tolist() == [0, 0]


@pytest.mark.parametrize(
    ("votes", "terminate", "finish"),
    [
        ([[0, 0], [0, 0]], False, False),
        ([[1, 0], [0, 0]], True, False),
        ([[0, 0], [0, 1]], False, True),
        ([[1, 1], [0, 0]], True, True),
        ([[1, 0]] * 5000, True, False),  # however many say so
    ],
)
def test_one_vote_of_all_processes_is_enough(votes, terminate, finish):
    total = np.sum(np.array(votes, np.float32), axis=0)
    request = StopRequest.from_votes(total)
    assert request == StopRequest(terminate=terminate, finish=finish)


def test_reasons_are_spelled_as_in_result_files():
    assert [*StopReason] == ["epochs", "patience", "time limit"]
