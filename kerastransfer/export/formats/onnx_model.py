"""ONNX, for onnxruntime and what else reads it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kerastransfer.errors import InputError
from kerastransfer.foundation import atomic

OPSET = 17
_OUTPUTS = ("probabilities", "features")


def convert(saved_model: Path, out: Path, *, files: Mapping[str, str]) -> None:
    """Write a SavedModel's ``images`` signature as an ONNX file.

    Its input is ``image``, its outputs are ``probabilities`` and ``features``: names of
    classes are no numbers, and stand in the metadata.

    Parameters
    ----------
    files : mapping of str to str
        Texts that the file holds as metadata properties, by name.
    """
    import onnx
    import tf2onnx

    model = tf.saved_model.load(str(saved_model))
    signature = model.signatures["images"]
    spec = signature.structured_input_signature[1]["image"]

    def numbers(image: tf.Tensor) -> dict[str, tf.Tensor]:
        answers = signature(image=image)
        return {name: tf.identity(answers[name], name=name) for name in _OUTPUTS}

    function = tf.function(numbers, input_signature=[spec], autograph=False)
    proto, _ = tf2onnx.convert.from_function(
        function,
        input_signature=[spec],
        opset=OPSET,
        custom_op_handlers={"Erfc": (_erfc, [])},
    )
    used = {name for node in proto.graph.node for name in node.input}
    for given in list(proto.graph.input):
        if given.name not in used:  # the names of the classes, which are not asked for
            proto.graph.input.remove(given)
    _rename_outputs(proto)
    for name, text in files.items():
        entry = proto.metadata_props.add()
        entry.key, entry.value = name, text
    try:
        onnx.checker.check_model(proto)
    except onnx.checker.ValidationError as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(
            f"ONNX has no counterpart of something in this network: {reason}. Leave "
            "onnx out of --format."
        ) from None
    with atomic.replacing(out, out.suffix) as scratch:
        scratch.write_bytes(proto.SerializeToString())


def _erfc(graph: Any, node: Any, name: str, _: Any) -> None:
    """Write 1 - erf(x), which TensorFlow's optimiser makes of GELU and ONNX has not."""
    (inside,), outputs = node.input, node.output
    kind, shape = graph.get_dtype(outputs[0]), graph.get_shape(outputs[0])
    graph.remove_node(node.name)
    one = graph.make_const(f"{name}/one", np.ones((), np.float32))
    erf = graph.make_node("Erf", [inside], dtypes=[kind], shapes=[shape])
    graph.make_node(
        "Sub",
        [one.output[0], erf.output[0]],
        name=name,
        outputs=outputs,
        dtypes=[kind],
        shapes=[shape],
    )


def _rename_outputs(proto: "onnx.ModelProto") -> None:  # type: ignore[name-defined]  # noqa: F821
    """Give outputs the names of the signature, whatever the converter calls them."""
    ends = {name: name.split(":")[0].split("/")[-1] for name in _names(proto)}
    for end in ends.values():
        if end not in _OUTPUTS:
            raise ValueError(f"ONNX calls an output {end!r}")
    for node in proto.graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                names[place] = ends.get(name, name)
    for each in proto.graph.output:
        each.name = ends[each.name]


def _names(proto: "onnx.ModelProto") -> list[str]:  # type: ignore[name-defined]  # noqa: F821
    return [each.name for each in proto.graph.output]
