"""Which names of folders, and of rows, say train, val or test."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final, NamedTuple

from kerastransfer.datasets.listing import SplitName

# What a row of a table may say, in any case.
SPLITS: dict[str, SplitName] = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
}


def words(text: str) -> frozenset[str]:
    """Return the words of a text, for a table."""
    return frozenset(text.split())


# Words within the name of a folder; without accents, in lower case.
_WORDS: Final[Mapping[str, SplitName]] = {
    **SPLITS,
    **dict.fromkeys(("training", "trn", "trainval", "learn"), "train"),
    **dict.fromkeys(("trainset", "traindata", "trainingset", "trainingdata"), "train"),
    **dict.fromkeys(("entrenamiento", "treino", "treinamento", "treinar"), "train"),
    **dict.fromkeys(("entrainement", "apprentissage", "addestramento"), "train"),
    **dict.fromkeys(("训练", "训练集", "訓練", "학습", "обучение"), "train"),
    **dict.fromkeys(("vali", "validate", "validating", "valset", "devset"), "val"),
    **dict.fromkeys(("validset", "validationset", "validationdata"), "val"),
    **dict.fromkeys(("validacion", "validacao", "validazione"), "val"),
    **dict.fromkeys(("validierung", "验证", "验证集", "検証", "검증"), "val"),
    **dict.fromkeys(("testing", "tests", "tst", "testset", "testdata"), "test"),
    **dict.fromkeys(("testingset", "testingdata", "holdout", "heldout"), "test"),
    **dict.fromkeys(("prueba", "pruebas", "teste", "testes"), "test"),
    **dict.fromkeys(("测试", "测试集", "テスト", "시험"), "test"),
}
# Of these one cannot know whether they name the val or the test set.
_EITHER = frozenset(("eval", "evaluation", "evaluating", "evalset"))
# Words that say nothing beside one of those.
_NEUTRAL = words(
    "set sets data dataset datasets image images img imgs imagenes photo photos pic "
    "pics picture pictures folder folders dir split splits sub subset cropped crop "
    "resized original originals raw full final new all jpg jpeg png part the of for "
    "and class classes labeled labelled"
)
_UNLABELLED = words(
    "pred preds predict prediction predictions unlabeled unlabelled unlabel unlabels "
    "unsup unsupervised submission inference unknown extra nolabel"
)
_FOLDS = frozenset(("fold", "folds", "kfold", "cv", "split"))
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


class SplitWord(NamedTuple):
    """What the name of a folder says of a split.

    Parameters
    ----------
    split : {'train', 'val', 'test', 'either'}
        ``either`` is the val or the test set.
    rest : tuple of str
        Words that are neither the split's nor neutral, nor numbers: of ``seg_train``
        ``("seg",)``. Without any, the name can hardly mean anything else.
    """

    split: str
    rest: tuple[str, ...]

    @property
    def is_plain(self) -> bool:
        """Whether the name says a split and nothing else."""
        return not self.rest


def read_split(name: str) -> SplitWord | None:
    """Read the name of a folder; None where it names no split.

    Examples
    --------
    >>> read_split("Training_Set"), read_split("seg_test")
    (SplitWord(split='train', rest=()), SplitWord(split='test', rest=('seg',)))
    >>> read_split("train2017").split, read_split("contest")
    ('train', None)
    """
    if name.lower() in SPLITS:  # most are
        return SplitWord(SPLITS[name.lower()], ())
    tokens = _tokens(_CAMEL.sub(" ", name))
    kinds = [_kind(token) for token in tokens]
    said = set(filter(None, kinds))
    if said == {"train", "val"}:  # train_val holds what both of them would
        said = {"train"}
    if len(said) != 1:
        return None
    rest = [t for t, kind in zip(tokens, kinds, strict=True) if not kind]
    return SplitWord(said.pop(), tuple(t for t in rest if t not in _NEUTRAL))


def is_unlabelled(name: str) -> bool:
    """Whether a folder's name says that its images have no labels."""
    tokens = _tokens(name)
    without = "no" in tokens and bool({"label", "labels"} & set(tokens))
    return without or bool(_UNLABELLED & set(tokens))


def is_fold(name: str) -> bool:
    """Whether a folder's name is that of a fold, such as ``fold_0``."""
    tokens = set(_tokens(name))
    numbered = any(character.isdigit() for character in name)
    return numbered and bool(tokens) and tokens <= _FOLDS


def _kind(token: str) -> str | None:
    return "either" if token in _EITHER else _WORDS.get(token)


def _tokens(name: str) -> list[str]:
    """Divide a name into words, without accents, and leave numbers out."""
    plain = unicodedata.normalize("NFKD", name).lower()
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = unicodedata.normalize("NFC", plain)
    tokens = _TOKEN.findall(plain.replace("hold-out", "holdout"))
    return [token for token in tokens if not token.isdigit()]
