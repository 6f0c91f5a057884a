"""Two devices against one: EfficientNet-Lite0, batches of 64, the same global batch.

python tools/benchmarks/devices.py N: train on N logical devices of the CPU, and print
images a second and the losses as JSON.
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from benchmarks import apart, steps
from benchmarks.row import Row

_NAME = "efficientnet_lite0"
_BATCH = 64
_SIZE = 224
_CLOSE = 1e-5


def rows() -> list[Row]:
    """List the comparison, of which each side is a process of its own.

    Returns
    -------
    list of Row
    """
    losses: dict[int, list[float]] = {}

    def run(count: int) -> float:
        measured = apart.run(__file__, str(count))
        losses[count] = measured["losses"]
        if len(losses) == 2:
            _check(losses[1], losses[2])
        return float(measured["rate"])

    return [
        Row(
            name="train efficientnet_lite0 on two logical devices, against one",
            aim=0.9,
            unit="images/s",
            ours=lambda: run(2),
            theirs=lambda: run(1),
        )
    ]


def _check(one: list[float], two: list[float]) -> None:
    assert len(one) == len(two) == steps.STEPS + 1
    apart = max(abs(a - b) / abs(a) for a, b in zip(one, two, strict=True))
    assert apart < _CLOSE, f"the losses are {apart} apart"


def main() -> int:
    """Train on as many devices as the command line says."""
    from kerastransfer.distribution import replicas
    from kerastransfer.distribution.choice import Choice

    count = int(sys.argv[1])
    made = replicas.make(
        Choice(devices=count, strategy="auto" if count > 1 else "single")
    )
    from kerastransfer.backbones import table

    with made.strategy.scope():
        network = table.get(_NAME).build(steps.CLASSES, 0)
    # SGD, for AdamW makes steps of full size out of rounding.
    config = steps.make_config(_NAME, "FT1-7R8", _BATCH, preset="caffe")
    source = steps.Repeated(*steps.noise(_BATCH, _SIZE))
    clock = steps.ours(network, config, source, made)()
    rate = steps.rate(_BATCH, clock.times)
    print(json.dumps({"rate": rate, "losses": clock.losses}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
