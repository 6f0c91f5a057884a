"""Write checkpoint_*.pth, with real PyTorch, as training scripts do; see README.md."""

import argparse
import collections
import datetime
import enum
import pathlib
import random
import types

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent


class Config:
    def __init__(self):
        self.rates = (0.1, 0.01)


class Mode(enum.Enum):
    TRAIN = 1


def main():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5])
    model(torch.ones(4, 3)).sum().backward()
    optimizer.step()
    average = torch.optim.swa_utils.AveragedModel(torch.nn.Linear(3, 2))
    checkpoint = {
        "epoch": 3,
        "state_dict": weights,
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "args": argparse.Namespace(
            data=pathlib.Path("data"), mode=Mode.TRAIN, act=torch.nn.functional.relu
        ),
        "config": Config(),
        "begun": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
        "accuracy": np.float64(0.5),
        "losses": np.array([1.0, 2.0]),
        "random": (random.getstate(), np.random.default_rng(0), torch.get_rng_state()),
        "sets": ({1, 2}, frozenset({3})),
        "counts": collections.defaultdict(int, {"a": 1}),
        "extra": types.SimpleNamespace(a=1),
        "torch": (torch.float16, torch.device("cpu"), torch.Size([2])),
        "keys": {(1, 2): 3, None: 4, 1.5: 5},
        "class_to_idx": {"wasp": 1, "ant": 0},
    }
    for name, new in (("zip", True), ("legacy", False)):
        path = HERE / f"checkpoint_{name}.pth"
        torch.save(checkpoint, path, _use_new_zipfile_serialization=new)
    torch.save(checkpoint, HERE / "checkpoint_protocol4.pth", pickle_protocol=4)
    expected = {name: value.numpy() for name, value in weights.items()}
    np.savez_compressed(HERE / "checkpoint_expected.npz", **expected)


if __name__ == "__main__":
    main()
