"""What was understood of a folder, in sentences for whoever checks it."""

from kerastransfer.datasets.own.folders.layout import FolderLayout
from kerastransfer.datasets.own.folders.tree import Tree
from kerastransfer.datasets.selection import Selection
from kerastransfer.foundation import report
from kerastransfer.foundation.quoting import quoted


def warn_of(tree: Tree, layout: FolderLayout, selection: Selection, where: str) -> None:
    """Warn of patterns that did nothing, and of lists that are not read."""
    for flag, patterns in (
        ("include", selection.include),
        ("exclude", selection.exclude),
    ):
        for pattern in patterns:
            if pattern not in tree.fitting and not pattern.startswith("!"):
                report.warn(f"--{flag} {quoted(pattern)} fits nothing in {where}.")
    official = {"val", "test"} & set(layout.origins)
    if tree.lists and not official:
        report.warn(
            f"{quoted(tree.lists[0])} in {where} may say which images are an official "
            "test or val set; it is not read, and they are drawn. A CSV file with the "
            "columns path,label,split can say it."
        )


def sentences(tree: Tree, layout: FolderLayout, selection: Selection) -> list[str]:
    """Say what was looked through, followed, taken together and chosen."""
    lines = []
    if layout.trail:
        lines.append(f"looked through {quoted(layout.trail[-1])}")
    if layout.origins:
        named = [f"{split} in {quoted(path)}" for split, path in layout.origins.items()]
        lines.append(f"splits: {', '.join(named)}")
    deep = [part.folder for part in layout.parts if part.folder.filled]
    if deep:
        first = deep[0].filled[0].path
        lines.append(
            f"{len(deep):,} class folders hold folders, such as {quoted(first)}; their "
            "images are taken as the class's"
        )
    linked = [
        f"{len(paths):,} to {what}, such as {quoted(paths[0])}"
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
