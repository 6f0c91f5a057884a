"""Measure how far images are from ImageNet, without ImageNet.

python examples/how_far.py
"""

import kerastransfer as kt

distances = kt.distance("digits", metrics=("cosine", "mmd"), max_images=200)
print(distances)
