"""Whether a prefix is cached: what is measured, said and refused."""

import pytest
from helpers import miniature
from helpers.disks import small_disk

from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.training import frozen_prefix
from kerastransfer.training.caching import Caching

RECIPE = "F1-5R6-8"
FROZEN = 5


def choose(caching, *, epochs=50, decided=None, **settings):
    named = {"dataset": "noise", "backbone": "miniature", "recipe": RECIPE}
    summary = DataSummary(records="", weights="", num_images=13, mirror=False)
    config = resolve({**named, **settings}, summary)
    setup = miniature.setup_of(config, miniature.make_examples(), caching=caching)
    network = setup.make_network()
    return frozen_prefix.choose(setup, network, FROZEN, epochs=epochs, decided=decided)


def test_many_epochs_pay_and_it_says_why(tmp_path, capsys):
    source = choose(Caching(home=tmp_path), epochs=2000)
    assert source.first == FROZEN + 1
    message = capsys.readouterr().err
    assert "A cache saves about" in message and "ms an image" in message
    assert "38,000 passes in 2,000 epochs against 19 crops once" in message
    assert "Computing blocks 1-5 of 19 crops once" in message


def test_fewer_epochs_than_views_do_not_pay(tmp_path, capsys):
    assert choose(Caching(home=tmp_path), epochs=1, views=5).first == 1
    assert "No cache of blocks 1-5: it would not pay" in capsys.readouterr().err


def test_what_is_there_already_is_used_whatever_the_epochs(tmp_path, capsys):
    choose(Caching(mode="on", home=tmp_path), views=5)
    capsys.readouterr()
    assert choose(Caching(home=tmp_path), epochs=1, views=5).first == FROZEN + 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("decided", [None, True])
def test_off_and_random_crops_have_none(tmp_path, decided, capsys):
    assert choose(Caching(mode="off", home=tmp_path), decided=decided).first == 1
    assert choose(Caching(mode="on", home=tmp_path), augment="random").first == 1
    assert "never the same twice" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_was_decided_stays(tmp_path):
    assert choose(Caching(home=tmp_path), epochs=2000, decided=False).first == 1
    assert choose(Caching(home=tmp_path), epochs=1, views=5, decided=True).first == 6


def test_a_limit_is_kept(tmp_path, capsys):
    small = Caching(home=tmp_path, limit=19 * 16 - 1)  # 19 outputs of 4 numbers
    assert choose(small, epochs=2000).first == 1
    assert "above the limit of" in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"above the limit.*--cache-limit"):
        choose(Caching(mode="on", home=tmp_path, limit=19 * 16 - 1))
    with pytest.raises(ValueError, match="--cache off"):
        choose(small, decided=True)
    assert choose(Caching(mode="on", home=tmp_path, limit=19 * 16)).first == FROZEN + 1


def test_room_on_the_disk_is_looked_at_before(tmp_path, capsys):
    with small_disk(tmp_path, 4096):
        (tmp_path / "full").write_bytes(b"0" * 4096)
        assert choose(Caching(home=tmp_path / "caches"), epochs=2000).first == 1
        assert "0.0 MB are free" in capsys.readouterr().err
        with pytest.raises(ValueError, match=r"are free; raise|make room"):
            choose(Caching(mode="on", home=tmp_path / "caches"))


def test_a_prefix_that_was_trained_has_a_cache_of_its_own(tmp_path):
    choose(Caching(mode="on", home=tmp_path))
    choose(Caching(mode="on", home=tmp_path), seed=1)  # drawn blocks do not count
    assert len(list(tmp_path.iterdir())) == 1
