"""Where things are kept, on each system."""

import sys
from pathlib import Path

import platformdirs
import pytest

from kerastransfer.foundation import home


def test_the_variable_wins(monkeypatch, tmp_path):
    monkeypatch.setenv(home.VARIABLE, str(tmp_path))
    for platform in ("linux", "darwin", "win32"):
        monkeypatch.setattr(sys, "platform", platform)
        assert home.home() == tmp_path
    assert home.records_home() == tmp_path / "records"


def test_on_linux_it_stays_where_it_was(monkeypatch, tmp_path):
    monkeypatch.delenv(home.VARIABLE, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert home.home() == tmp_path / ".cache" / "kerastransfer"


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_it_is_the_systems_own(platform, monkeypatch, tmp_path):
    def user_cache_dir(name, appauthor):
        assert appauthor is False
        return str(tmp_path / "caches" / name)

    monkeypatch.delenv(home.VARIABLE, raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(platformdirs, "user_cache_dir", user_cache_dir)
    assert home.home() == Path(tmp_path / "caches" / "kerastransfer")
