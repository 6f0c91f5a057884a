"""What a trial is judged by."""

import keras
import pytest
from helpers import miniature

from kerastransfer.training import phase_loop
from kerastransfer.training.checkpoints.saver import CheckpointSaver
from kerastransfer.training.stopping import StopSignal
from kerastransfer.tuning import tuner


@pytest.mark.parametrize("recipe", ["F1-3R4-8", "R1-8", "F1-7R8+FT1-8"])
def test_images_that_are_wrong_are_those_that_training_counted(tmp_path, recipe):
    setup = miniature.make_setup(tmp_path, recipe)
    network, stop_signal = setup.make_network(), StopSignal()
    results = phase_loop.train_phases(
        setup,
        network,
        callbacks=keras.callbacks.CallbackList([]),
        saver=CheckpointSaver(None, every=60.0, stop_signal=stop_signal),
        stop_signal=stop_signal,
    )
    wrong = tuner._wrong(setup, network, results[-1])
    assert 0 < len(wrong) < 6  # or it would prove nothing
    assert results[-1].val["accuracy"] == pytest.approx(1 - len(wrong) / 6)
