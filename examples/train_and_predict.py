"""Train a classifier on digits, compare it with a plain one, and use it.

python examples/train_and_predict.py
"""

import tempfile
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_digits

import kerastransfer as kt

with tempfile.TemporaryDirectory() as folder:
    run = kt.train("digits", "F1-7R8", images_per_class=5, epochs=(20,), runs=folder)
    print("test accuracy", run.test.accuracy)
    print("to beat      ", run.to_beat)
    print("on validation", run.evaluate("val").accuracy)

    digit = Path(folder) / "seven.png"
    Image.fromarray((255 - 15 * load_digits().images[7]).astype("uint8")).save(digit)
    for prediction in run.predict([digit], top=3):
        print(prediction)

    print("exported to  ", run.export(Path(folder) / "exported").name)
