"""What is said while a run trains."""

import io

import pytest

from kerastransfer.runs.logs import TrainingProgress


def told(num_val, logs, epochs=2):
    stream = io.StringIO()
    progress = TrainingProgress(4, epochs, num_val, stream=stream)
    progress.on_train_begin()
    for epoch in range(epochs):
        for loss in (1.0, 2.0):
            progress.on_train_batch_end(0, {"loss": loss})
        progress.on_epoch_end(epoch, logs)
    progress.on_train_end()
    return stream.getvalue().splitlines()


def test_every_accuracy_has_its_interval():
    lines = told(40, {"accuracy": 0.8, "nll": 0.5})
    # Wilson's interval of 32 of 40, by Wilson's formula on paper.
    assert lines[0] == (
        "epoch 1/2  loss 1.5000  val accuracy 80.0 % (65.2 to 89.5)  val nll 0.500"
    )


def test_without_a_validation_set_the_loss_alone_is_told():
    assert told(0, {}) == ["epoch 1/2  loss 1.5000", "epoch 2/2  loss 1.5000"]


@pytest.mark.parametrize(
    ("epochs", "lines"), [(1, 1), (20, 20), (21, 11), (39, 20), (40, 21), (200, 21)]
)
def test_of_many_epochs_twenty_and_the_last_are_told(epochs, lines):
    found = told(0, {}, epochs=epochs)
    assert len(found) == lines
    assert found[-1].startswith(f"epoch {epochs}/{epochs} ")
