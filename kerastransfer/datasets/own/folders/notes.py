"""What was understood of a folder, in sentences for whoever checks it."""

from kerastransfer.datasets.own.folders.layout import FolderLayout
from kerastransfer.datasets.own.folders.tree import Tree
from kerastransfer.datasets.selection import Selection


def sentences(tree: Tree, layout: FolderLayout, selection: Selection) -> list[str]:
    """Say what was looked through, followed, taken together and chosen."""
    lines = []
    if layout.trail:
        lines.append(f"looked through {layout.trail[-1]!r}")
    if layout.origins:
        named = [f"{split} in {path!r}" for split, path in layout.origins.items()]
        lines.append(f"splits: {', '.join(named)}")
    deep = [part.folder for part in layout.parts if part.folder.filled]
    if deep:
        first = deep[0].filled[0].path
        lines.append(
            f"{len(deep):,} class folders hold folders, such as {first!r}; their "
            "images are taken as the class's"
        )
    linked = [
        f"{len(paths):,} to {what}, such as {paths[0]!r}"
        for what, paths in (
            ("files", tree.linked_files),
            ("folders", tree.linked_folders),
        )
        if paths
    ]
    if linked:
        lines.append(f"links followed: {'; '.join(linked)}")
    if selection:
        lines.append(f"chosen with {selection}")
    return lines
