"""What is known of a preset of KerasHub before it is downloaded. Imports no TensorFlow.

KerasHub registers its presets as it is imported, and TensorFlow with it. The same
tables are read here from its source, as literals, so that a size is said at once.
"""

import ast
import dataclasses
import difflib
import functools
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kerastransfer.backbones.keras_models.origins import archive
from kerastransfer.backbones.spec import is_path
from kerastransfer.errors import InputError, MissingError
from kerastransfer.foundation.quoting import quoted

_KAGGLE, _HUGGING_FACE = "kaggle://", "hf://"
_WEIGHTS = ("model*.weights.h5", "model*.safetensors")
_BYTES = 4  # of a parameter, float32


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HubPreset:
    """A preset of KerasHub: what it is called, how large it is, where it comes from.

    Parameters
    ----------
    name : str
        As ``--backbone hub:NAME`` has it.
    parameters : int, optional
        Of the whole preset, text encoders and the like included; None where KerasHub
        does not say.
    page : str
        Address of its page; empty for a folder.
    card : str
        Address of its model card, where KerasHub names another page.
    folder : Path, optional
        Where it is kept on this machine, or would be after a download.
    at_hand : bool
        Whether its weights are there.
    """

    name: str
    parameters: int | None = None
    page: str = ""
    card: str = ""
    folder: Path | None = None
    at_hand: bool = False

    def __str__(self) -> str:
        """Say in a sentence what there is to know before a download."""
        if not self.page:
            return f"preset in the folder {self.folder}"
        size = "of unknown size"
        if self.parameters is not None:
            megabytes = _BYTES * self.parameters / 1e6
            size = f"{self.parameters:,} parameters in all, about {megabytes:,.0f} MB"
        site = urlsplit(self.page).netloc
        place = "at hand in" if self.at_hand else f"to be downloaded from {site} to"
        return (
            f"preset {self.name}: {size}, {place} {self.folder or 'a cache'}; its "
            f"licence is unknown here, see {self.card or self.page}"
        )


def find(name: str) -> HubPreset:
    """Say what is known of a preset; nothing is downloaded.

    Parameters
    ----------
    name : str
        A folder's path, with a separator; a name that the installed KerasHub knows; or
        an address ``kaggle://...``, ``hf://...``.

    Raises
    ------
    MissingError
        If KerasHub is not installed.
    InputError
        If it knows no such preset.
    """
    if is_path(name) and Path(name).is_dir():
        return HubPreset(name=name, folder=Path(name), at_hand=True)
    table = _registered()
    entry = table.get(name, {})
    handle = str(entry.get("kaggle_handle", name))
    metadata = entry.get("metadata", {})
    parameters = metadata.get("params")
    for scheme, described in ((_KAGGLE, _on_kaggle), (_HUGGING_FACE, _on_hugging_face)):
        if handle.startswith(scheme):
            page, folder, at_hand = described(handle.removeprefix(scheme))
            return HubPreset(
                name=name,
                parameters=parameters if isinstance(parameters, int) else None,
                page=page,
                card=str(metadata.get("model_card", "")),
                folder=folder,
                at_hand=at_hand,
            )
    if "://" in name:  # of a server that KerasHub knows; nothing is known of it here
        return HubPreset(name=name, page=name)
    raise InputError(_unknown(name, table))


def version(name: str) -> tuple[str, ...]:
    """Return names, sizes and times of a preset's files; none where it is not here.

    Parameters
    ----------
    name : str
        As for `find`.
    """
    preset = find(name)
    if preset.folder is None or not preset.at_hand:
        return ()
    folder, listed = preset.folder, []
    for path in sorted(folder.rglob("*")):
        status = path.stat() if path.is_file() else None
        if status is not None:
            place = path.relative_to(folder).as_posix()
            listed.append(f"{place} {status.st_size} {status.st_mtime_ns}")
    return tuple(listed)


def check(name: str, download: bool) -> None:
    """Refuse a preset that there is not, or that is not here and may not be fetched.

    Parameters
    ----------
    name : str
        As for `find`.
    download : bool
        Whether it may be fetched.

    Raises
    ------
    MissingError
        If KerasHub or the preset is not here.
    InputError
        If KerasHub knows no such preset.
    """
    preset = find(name)
    if not (preset.at_hand or download):
        raise MissingError(
            f"{str(preset)[0].upper()}{str(preset)[1:]}. It is not on this machine, "
            "and a dry run downloads nothing; begin without --dry-run, or name a "
            "preset's folder with hub:./DIR."
        )


def _unknown(name: str, table: dict[str, Any]) -> str:
    message = (
        "Expected a preset of the installed KerasHub, or a preset's folder "
        f"(hub:./FOLDER), got {quoted(name)}"
    )
    if "convnext" in name.lower():
        return (
            f"{message}; KerasHub has no ConvNeXt: take keras.applications' "
            "convnexttiny, convnextsmall or convnextbase (--backbone convnexttiny)."
        )
    close = difflib.get_close_matches(Path(name).name, table, n=1)
    return f"{message}; did you mean {close[0]}?" if close else f"{message}."


def _on_kaggle(handle: str) -> tuple[str, Path, bool]:
    """Return page and folder of ``OWNER/MODEL/keras/NAME``, and if it is here."""
    home = os.environ.get("KAGGLEHUB_CACHE") or Path.home() / ".cache" / "kagglehub"
    folder = Path(home, "models", handle)
    # kagglehub marks each file that came whole, and loads no other without a network.
    marks = folder.parent / ".complete" / folder.name
    at_hand = any(any(marks.glob(f"{name}.complete")) for name in _WEIGHTS)
    return f"https://www.kaggle.com/models/{handle}", folder, at_hand


def _on_hugging_face(handle: str) -> tuple[str, Path, bool]:
    """Return page and folder of ``OWNER/NAME``, and if it is here."""
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    cache = Path(os.environ.get("HF_HUB_CACHE") or Path(home, "hub"))
    folder = cache / f"models--{handle.replace('/', '--')}"
    at_hand = any(any(folder.glob(f"snapshots/*/{name}")) for name in _WEIGHTS)
    return f"https://huggingface.co/{handle}", folder, at_hand


@functools.cache
def _registered() -> dict[str, Any]:
    """Return KerasHub's own tables of presets, read from its source."""
    spec = importlib.util.find_spec("keras_hub")  # runs none of its code
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise MissingError(archive.NO_HUB)
    files = sorted(Path(folders[0]).glob("src/models/*/*_presets.py"))
    return {
        name: entry
        for file in files
        for name, entry in _entries(ast.parse(file.read_text(encoding="utf-8")))
    }


def _entries(tree: ast.Module) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the entries of the dictionaries at a module's top."""
    for node in tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Dict):
            continue
        for key, value in zip(node.value.keys, node.value.values, strict=True):
            if key is not None:  # None stands for the entries of another dictionary
                yield ast.literal_eval(key), ast.literal_eval(value)
