"""The EfficientNets of ``keras.applications``."""

from collections.abc import Iterator

from kerastransfer.backbones.applications.row import KERAS, ApplicationRow


def efficientnets() -> Iterator[ApplicationRow]:
    """Yield B0 to B3, cut where EfficientNet-Lite0 is: after each stage."""
    stages = {
        "b0": "1a_project_bn 2b_add 3b_add 4c_add 5c_add 6d_add",
        "b1": "1b_add 2c_add 3c_add 4d_add 5d_add 6e_add",
        "b2": "1b_add 2c_add 3c_add 4d_add 5d_add 6e_add",
        "b3": "1b_add 2c_add 3c_add 4e_add 5e_add 6f_add",
    }
    for letter, size, digest, top1, top5 in (
        ("b0", 224, "902e53a9f72be733fc0bcb005b3ebbac", 0.771, 0.933),
        ("b1", 240, "1d254153d4ab51201f1646940f018540", 0.791, 0.944),
        ("b2", 260, "b15cce36ff4dcbd00b6dd88e7857a6ad", 0.801, 0.949),
        ("b3", 300, "ffd1fdc53d0ce67064dc6a9c7960ede0", 0.816, 0.957),
    ):
        yield ApplicationRow(
            name=f"efficientnet{letter}",
            constructor=f"EfficientNet{letter.upper()}",
            size=size,
            resize_to=size + 32,  # as their authors evaluate
            interpolation="bicubic",
            pixels="imagenet",
            cuts=_stages(stages[letter]),
            url="https://storage.googleapis.com/keras-applications/"
            f"efficientnet{letter}.h5",
            hash=digest,
            top1=top1,
            top5=top5,
        )


def efficientnets_v2() -> Iterator[ApplicationRow]:
    """Yield B0 to B3 and S, cut after each stage."""
    stages = {
        "b0": "1a_project_activation 2b_add 3b_add 4c_add 5e_add 6h_add",
        "b1": "1b_add 2c_add 3c_add 4d_add 5f_add 6i_add",
        "b2": "1b_add 2c_add 3c_add 4d_add 5f_add 6j_add",
        "b3": "1b_add 2c_add 3c_add 4e_add 5g_add 6l_add",
        "s": "1b_add 2d_add 3d_add 4f_add 5i_add 6o_add",
    }
    for letter, size, digest, top1, top5 in (
        ("b0", 224, "21ecbf6da12460d5c40bb2f29ceb2188", 0.787, 0.943),
        ("b1", 240, "069f0534ff22adf035c89e2d9547a9dc", 0.798, 0.950),
        ("b2", 260, "424e49f28180edbde1e94797771950a7", 0.805, 0.951),
        ("b3", 300, "1f1fc43bd98a6e4fd8fdfd551e02c7a0", 0.820, 0.958),
        ("s", 384, "e1d88a8495beba45748fedd0cecbe016", 0.839, 0.967),
    ):
        yield ApplicationRow(
            name=f"efficientnetv2{letter}",
            constructor=f"EfficientNetV2{letter.upper()}",
            size=size,
            resize_to=size + 32,
            interpolation="bicubic",
            pixels="eighths" if letter == "s" else "imagenet",
            cuts=_stages(stages[letter]),
            url=f"{KERAS}/efficientnet_v2/efficientnetv2-{letter}.h5",
            hash=digest,
            top1=top1,
            top5=top5,
        )


def _stages(ends: str) -> tuple[str, str, str, str, str, str]:
    first, second, third, fourth, fifth, sixth = (f"block{end}" for end in ends.split())
    return first, second, third, fourth, fifth, sixth
