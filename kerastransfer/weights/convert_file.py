"""Convert a weight file of any known format to a plain ``.npz``."""

from pathlib import Path
from typing import Any

from kerastransfer import __version__
from kerastransfer.errors import InputError
from kerastransfer.foundation import checksums
from kerastransfer.foundation.quoting import quoted
from kerastransfer.weights import port_file, store


def convert(source: Path, backbone: str, out: Path) -> dict[str, Any]:
    """Convert a weight file and describe the result.

    Parameters
    ----------
    source : Path
        A file of any known format.
    backbone : str
        Name of the network that it belongs to.
    out : Path
        The ``.npz`` file to write.

    Returns
    -------
    dict
        Names and hashes of both files, the numbers of arrays and of values, the number
        of classes of the file's classifier (None without one) and their names, and
        remarks on what was taken and what was left out.

    Raises
    ------
    InputError
        If `out` does not end in ``.npz``.
    KerasTransferError
        As `store.load` raises it.
    """
    if out.suffix != ".npz":
        raise InputError(f"Expected --out to end in '.npz', got {quoted(out)}.")
    loaded = store.load(backbone, source)
    provenance: dict[str, Any] = {
        "backbone": backbone,
        "source": source.name,
        "source_sha256": loaded.sha256,
        "kerastransfer": __version__,
    }
    # Only what the published files have not, so that their ports stay the same bytes.
    if loaded.class_names:
        provenance["class_names"] = list(loaded.class_names)
    if loaded.remarks:
        provenance["remarks"] = list(loaded.remarks)
    port_file.save_npz(loaded.mapping, out, provenance)
    return {
        **provenance,
        "out": str(out),
        "out_sha256": checksums.digests(out, ["sha256"])["sha256"],
        "arrays": len(loaded.mapping),
        "numbers": sum(array.size for array in loaded.mapping.values()),
        "source_classes": loaded.source_classes,
        "class_names": list(loaded.class_names),
        "remarks": list(loaded.remarks),
    }
