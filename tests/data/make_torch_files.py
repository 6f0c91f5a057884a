"""Write the .pth files of this folder, with real PyTorch; see README.md."""

import collections
import pathlib

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent


def tensors():
    draw = torch.Generator().manual_seed(0)
    base = torch.randn(4, 6, generator=draw)
    shared = torch.arange(12, dtype=torch.float32)
    state = collections.OrderedDict()
    state["float"] = base
    state["double"] = base.double()
    state["half"] = base.half()
    state["bfloat16"] = base.bfloat16()
    state["long"] = torch.tensor([-(2**40), 7])
    state["int"] = torch.tensor([-3, 4], dtype=torch.int32)
    state["short"] = torch.tensor([-3, 4], dtype=torch.int16)
    state["char"] = torch.tensor([-3, 4], dtype=torch.int8)
    state["byte"] = torch.tensor([3, 255], dtype=torch.uint8)
    state["bool"] = torch.tensor([True, False, True])
    state["scalar"] = torch.tensor(5)
    state["scalar_bfloat16"] = torch.tensor(1.5, dtype=torch.bfloat16)
    state["empty"] = torch.zeros(0, 3)
    state["transposed"] = base.t()
    state["strided"] = base[1::2, ::3]
    state["shared_all"] = shared
    state["shared_part"] = shared[4:8].view(2, 2)
    state["channels_last"] = torch.randn(2, 3, 2, 2, generator=draw).to(
        memory_format=torch.channels_last
    )
    state["parameter"] = torch.nn.Parameter(base[0].clone())
    state._metadata = {"": {"version": 1}}
    return state


def plain(tensor):
    return (
        tensor.detach().float().numpy()
        if (tensor.dtype == torch.bfloat16)
        else tensor.detach().numpy()
    )


def main():
    state = tensors()
    nested = {
        "epoch": 3,
        "loss": 0.5,
        "state_dict": {f"module.{k}": v for k, v in list(state.items())[:3]},
        "optimizer": {
            "state": {0: {"step": 1, "momentum": state["float"]}},
            "param_groups": [{"lr": 0.1, "params": [0]}],
        },
    }
    model = torch.nn.Linear(2, 2)
    for name, new in (("zip", True), ("legacy", False)):
        for what, value in (
            ("tensors", state),
            ("nested", nested),
            ("model", model),
        ):
            torch.save(
                value,
                HERE / f"{what}_{name}.pth",
                _use_new_zipfile_serialization=new,
            )
    expected = {name: plain(tensor) for name, tensor in state.items()}
    np.savez_compressed(HERE / "tensors_expected.npz", **expected)


if __name__ == "__main__":
    main()
