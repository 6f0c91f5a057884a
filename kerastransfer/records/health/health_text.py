"""How a report on records is shown: tables and bars in plain text."""

from collections.abc import Mapping, Sequence

from kerastransfer.records.health.clusters import Cluster, pictures
from kerastransfer.records.health.report import Health
from kerastransfer.records.images import notes
from kerastransfer.records.reader import Records
from kerastransfer.records.split.group_counts import GroupCounts
from kerastransfer.records.split.overview import Overview
from kerastransfer.records.split.plan import SPLITS

_BAR = 30  # characters
_MOST_CLASSES = 40  # that are shown; of more, the largest and the smallest
_ENDS = 10
# Of a square image 224 of 256 pixels a side leave out 23 %, of one of 4:3 43 %.
_MUCH_LOST = 0.5
_MANY_HALVED = 0.2  # of the images
_SHOWN = 5  # of any list
_FULL, _HALF = "█", "▌"


def show(records: Records, health: Health, backbone: str) -> str:
    """Return the whole report as lines of text.

    Parameters
    ----------
    health : Health
        Of these records.
    backbone : str
        Whose crop was looked at.
    """
    total = sum(records.size(split) for split in SPLITS)
    lines = [
        f"{records.name}: {total:,} images of {len(records.classes):,} classes, in "
        f"{records.path}",
        "",
        *_counts(records.classes, health.counts, _groups(records)),
        "",
        *Overview.of_metadata(records.metadata).places(),
        *_sizes(health),
        *_crop(health, backbone),
        *_images_of(records),
        *(f"published    {sentence}" for sentence in records.metadata["differences"]),
        *findings(health, records.metadata["short_classes"]),
    ]
    return "\n".join(lines)


def findings(health: Health, policy: str) -> list[str]:
    """Return what a user should look into, in lines.

    Parameters
    ----------
    policy : {'error', 'cap', 'drop'}
        What became of classes with too few images.
    """
    return [
        *_unreadable(health),
        *_short(health, policy),
        *_duplicates(health),
    ]


def _groups(records: Records) -> Mapping[str, int]:
    """Return how many groups each class has; empty where images have none."""
    counts = GroupCounts.of_metadata(records.metadata["groups"])
    if counts is None:
        return {}
    return {name: counts.of_class(i) for i, name in enumerate(records.classes)}


def _counts(
    classes: Sequence[str],
    counts: Mapping[str, Mapping[str, int]],
    groups: Mapping[str, int],
) -> list[str]:
    """Draw a row a class: its images by split, its groups, and a bar of its images."""
    totals = {name: sum(counts[s][name] for s in SPLITS) for name in classes}
    shown = list(classes)
    if len(classes) > _MOST_CLASSES:
        ordered = sorted(classes, key=lambda name: -totals[name])
        shown = [*ordered[:_ENDS], "", *ordered[-_ENDS:]]
    width = max(len(name) for name in (*shown, "class"))
    most = max(totals.values())
    head = "".join(f"{name:>9}" for name in (*SPLITS, *(["groups"] if groups else [])))
    lines = [f"{'class':<{width}}{head}"]
    for name in shown:
        if not name:
            hidden = len(classes) - 2 * _ENDS
            lines.append(f"... {hidden:,} classes of sizes in between")
            continue
        cells = "".join(f"{counts[split][name]:>9,}" for split in SPLITS)
        cells += f"{groups[name]:>9,}" if groups else ""
        lines.append(f"{name:<{width}}{cells}  {_bar(totals[name] / most)}")
    return lines


def _bar(part: float) -> str:
    halves = round(2 * _BAR * part)
    return _FULL * (halves // 2) + _HALF * (halves % 2)


def _sizes(health: Health) -> list[str]:
    if not health.sizes["width"]:
        return []
    (least, middle, most) = (
        [health.sizes[name][i] for name in ("width", "height", "aspect")]
        for i in (0, 2, 4)
    )
    return [
        f"widths       {least[0]:.0f} to {most[0]:.0f} pixels, median {middle[0]:.0f}, "
        "as stored",
        f"heights      {least[1]:.0f} to {most[1]:.0f} pixels, median {middle[1]:.0f}",
        f"aspect       {least[2]:.2f} to {most[2]:.2f}, median {middle[2]:.2f} (longer "
        "side over shorter)",
    ]


def _crop(health: Health, backbone: str) -> list[str]:
    if not health.dropped:
        return []
    mean, most, half = (health.dropped[name] for name in ("mean", "most", "half"))
    lines = [
        f"centre crop  of {backbone} leaves out {mean:.0%} of an image on average, "
        f"{most:.0%} at most; {half:.1%} of images lose half or more"
    ]
    if mean >= _MUCH_LOST or half >= _MANY_HALVED:
        lines.append(
            "             --fit pad (borders) or --fit squash (warped) shows the "
            "network whole images"
        )
    return lines


def _images_of(records: Records) -> list[str]:
    if records.metadata["images"] is None:
        return [
            "images       depth and transparency were not looked at when these records "
            "were made",
            "             (by an earlier version: 65,535 was white, transparency was "
            "dropped)",
        ]
    return notes.lines(records.metadata)


def _unreadable(health: Health) -> list[str]:
    lines = []
    for title, reasons in (
        ("rejected    ", health.rejected),
        ("damaged     ", health.damaged),
    ):
        names = [f"{path} ({reasons[path]})" for path in sorted(reasons)[:_SHOWN]]
        lines.append(f"{title} {_listed(names, len(reasons)) or 'none'}")
    largest = sorted(health.ignored.items(), key=lambda row: -row[1])
    for what, count in largest[:_SHOWN]:
        lines.append(f"left out     {count:,} {what}")
    others = [count for _, count in largest[_SHOWN:]]
    if others:
        lines.append(f"left out     {sum(others):,} more, of {len(others):,} kinds")
    return lines


def _short(health: Health, policy: str) -> list[str]:
    if not health.short:
        return ["short        no class has too few images"]
    names = [f"{name} ({n:,})" for name, n in list(health.short.items())[:_SHOWN]]
    return [f"short        {policy}: {_listed(names, len(health.short))}"]


def _duplicates(health: Health) -> list[str]:
    exact = [each for each in health.clusters if each.exact]
    near = [each for each in health.clusters if not each.exact]
    lines = [
        f"duplicates   {_images(exact)} with the same bytes as another, "
        f"{_images(near)} nearly the same"
    ]
    if not health.complete:
        lines.append("             (so alike that not all pairs were compared)")
    leaks = [
        f"leaks        {counts['near']:,} images of {one} stand in {other} too, "
        f"{counts['exact']:,} with the same bytes"
        for pair, counts in health.across.items()
        for one, _, other in (pair.partition(" in "),)
        if counts["near"]
    ]
    lines += leaks or ["leaks        none: no image stands in two splits"]
    conflicts = pictures(health.conflicts)
    count = len(conflicts)
    lines.append(f"conflicts    {count:,} pictures stand under two labels or more")
    leaking = [each for each in health.clusters if len(set(each.splits)) > 1]
    for title, clusters in (("conflict", conflicts), ("leak", pictures(leaking))):
        lines += [f"  {title}: {_spell(each)}" for each in clusters[:_SHOWN]]
        if len(clusters) > _SHOWN:
            lines.append(f"  and {len(clusters) - _SHOWN:,} more")
    return lines


def _images(clusters: Sequence[Cluster]) -> str:
    return f"{sum(len(each.ids) for each in clusters):,}"


def _spell(cluster: Cluster) -> str:
    rows = zip(cluster.ids, cluster.splits, cluster.classes, strict=True)
    names = [f"{name} ({split}, {label})" for name, split, label in rows]
    return _listed(names[:_SHOWN], len(names), " = ")


def _listed(names: Sequence[str], count: int, between: str = ", ") -> str:
    more = f" and {count - len(names):,} more" if count > len(names) else ""
    return between.join(names) + more
