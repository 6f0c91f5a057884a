"""What a trial is judged by."""

import keras
import pytest
from helpers import miniature

from kerastransfer.training import phases
from kerastransfer.training.checkpoint_saver import CheckpointSaver
from kerastransfer.training.stopping import StopSignal
from kerastransfer.tuning import tuner


@pytest.mark.parametrize("recipe", ["F1-3R4-8", "R1-8", "F1-7R8+FT1-8"])
def test_images_that_are_wrong_are_those_that_training_counted(tmp_path, recipe):
    setting = miniature.make_setting(tmp_path, recipe)
    network, _ = phases.begin(setting, None)
    halt = StopSignal()
    keeper = CheckpointSaver(None, every=60.0, halt=halt, metrics_bytes=lambda: 0)
    callbacks = keras.callbacks.CallbackList([])
    outcomes = phases.train(setting, network, (), callbacks, keeper, halt)
    wrong = tuner._wrong(setting, network, outcomes[-1])
    assert 0 < len(wrong) < 6  # or it would prove nothing
    assert outcomes[-1].val["accuracy"] == pytest.approx(1 - len(wrong) / 6)
