"""Options of datasets that are tables: which column is what, and where files are."""

from kerastransfer.datasets.option import Option
from kerastransfer.datasets.own.grouping import GROUP_BY

_GUESSED = "found by its name"


def _column(role: str, help: str, words: str = _GUESSED) -> Option:
    return Option(name=f"{role}_column", help=help, metavar="NAME", default_words=words)


PATH = _column("path", "Column of the paths, or of the images themselves")
LABEL = _column(
    "label", "Column of the label, or several with commas, of which each row marks one"
)
SPLIT = _column("split", "Column that says train, val or test")
GROUP = _column("group", "Column that names what is kept together in one split")
COLUMNS = (PATH, LABEL, SPLIT, GROUP)
SPLITS = Option(
    name="splits",
    help="Which of the source's splits are ours, such as train=a+b,test=c; others are "
    "left out",
    metavar="WORDS",
    default_words="found by their names",
)
IMAGE_FOLDER = Option(
    name="image_folder",
    help="Folder that paths start from",
    metavar="DIR",
    default_words="the table's folder, else the working directory",
)
ENCODING = Option(
    name="encoding",
    help="Encoding of the text",
    metavar="NAME",
    default_words="UTF-8 or UTF-16, else Windows-1252",
)
FRAME = (*COLUMNS, GROUP_BY)
TABLE = (*COLUMNS, SPLITS, IMAGE_FOLDER, ENCODING, GROUP_BY)
