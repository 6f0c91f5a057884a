"""Train on arrays that a program already holds, with another recipe for comparison.

python examples/own_arrays.py
"""

import tempfile

import numpy as np
from sklearn.datasets import load_sample_images

import kerastransfer as kt

# Crops of two photographs stand for two classes of images.
rng = np.random.default_rng(0)
images, labels = [], []
for name, photo in zip(("temple", "flower"), load_sample_images().images, strict=True):
    for top, left in rng.integers(0, (250, 450), (40, 2)):
        images.append(photo[top : top + 160, left : left + 160])
        labels.append(name)

with tempfile.TemporaryDirectory() as folder:
    for recipe in ("F1-7R8", "F1-6FT7R8"):
        run = kt.train(
            (np.stack(images), labels),
            recipe,
            images_per_class=8,
            epochs=(5,),
            runs=folder,
        )
        print(recipe, run.test.accuracy)
