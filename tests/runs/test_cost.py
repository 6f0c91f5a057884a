"""What a dry run says of memory, where a system tells it and where it does not."""

import sys

import pytest

from kerastransfer.runs import cost, plan


def test_memory_is_counted_in_bytes():
    block = b"1" * 2**28
    assert 2**28 < cost.peak_bytes() < 2**40, len(block)


def test_a_system_without_the_module_leaves_memory_unknown(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    assert cost.peak_bytes() is None


@pytest.mark.parametrize(
    ("peak_bytes", "words"),
    [(2**31, "2.0 GiB of memory"), (None, "memory unknown on this system")],
)
def test_a_dry_run_says_so(peak_bytes, words):
    run_cost = plan.RunCost(phases=(), features=0.0, peak_bytes=peak_bytes)
    assert str(run_cost).endswith(words)
