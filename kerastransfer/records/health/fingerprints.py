"""A short look at an image: size, hashes and a thumbnail, to compare many by."""

import hashlib
import io
from typing import NamedTuple

import numpy as np
from PIL import Image

THUMBNAIL = 16  # pixels a side


class Fingerprint(NamedTuple):
    """What is kept of one image.

    Parameters
    ----------
    number : int
        The number it was given.
    width, height : int
        In pixels; 0 where it cannot be decoded.
    digest : bytes
        SHA-256 of the file.
    perceptual : int
        64 bits that change little when an image is scaled or compressed.
    thumbnail : bytes
        16 x 16 gray levels.
    reason : str
        Why it cannot be decoded; empty where it can.
    """

    number: int
    width: int
    height: int
    digest: bytes
    perceptual: int
    thumbnail: bytes
    reason: str = ""


def fingerprint(task: tuple[int, bytes]) -> list[Fingerprint]:
    """Look at one image.

    Parameters
    ----------
    task : (int, bytes)
        Its number and its file, of a format that records hold.
    """
    import imagehash  # brings SciPy along

    number, data = task
    digest = hashlib.sha256(data).digest()
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
            gray = image.convert("L")
        bits = imagehash.phash(gray).hash.ravel()
        perceptual = int.from_bytes(np.packbits(bits).tobytes())
        small = gray.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    except Exception as error:  # a damaged file makes Pillow raise almost anything
        reason = str(error).strip() or type(error).__name__
        return [Fingerprint(number, 0, 0, digest, 0, bytes(THUMBNAIL**2), reason)]
    return [Fingerprint(number, *gray.size, digest, perceptual, small.tobytes())]
