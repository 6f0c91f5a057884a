"""Folders as public datasets have them: what becomes of each layout."""

import hashlib
import os

import pytest

from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError
from kerastransfer.foundation.report import KerasTransferWarning


def draw(root, *paths):
    """Make files that are images by their names."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"image " + path.encode())


def tree(root, layout):
    """Make a layout: ``train/{cat,dog}`` stands for an image in each."""
    for line in layout.split():
        head, _, rest = line.partition("{")
        inner, _, tail = rest.partition("}")
        for name in inner.split(",") if rest else [""]:
            path = (head + name + tail).replace("+", " ")
            draw(root, path if "." in path.rsplit("/", 1)[-1] else f"{path}/1.jpg")


def listed(root, **patterns):
    """Return the classes of each split, and the listing."""
    listing = resolve(f"folder:{root}", options=patterns).listing()
    splits = {}
    for item in listing.items:
        splits.setdefault(item.split, set()).add(listing.classes[item.label])
    return {split: sorted(names) for split, names in splits.items()}, listing


# Which folders of a layout are the train, val and test set. The names are those of the
# datasets on Kaggle, Mendeley, Zenodo, TFDS and Roboflow that the comments name.
SPLITS = {
    # brain tumour MRI
    "Training/{glioma,no_tumor} Testing/{glioma,no_tumor}": "Training - Testing",
    # cats and dogs of a well-known course; its single_prediction has no labels
    "training_set/training_set/{cats,dogs} test_set/test_set/{cats,dogs}": (
        "training_set/training_set - test_set/test_set"
    ),
    # Intel scenes
    "seg_train/seg_train/{sea,street} seg_test/seg_test/{sea,street} "
    "seg_pred/seg_pred": ("seg_train/seg_train - seg_test/seg_test"),
    "seg_train/{sea,street} seg_test/{sea,street}": "seg_train - seg_test",
    "train2017/{cat,dog} val2017/{cat,dog}": "train2017 val2017 -",
    "Train+data/{cat,dog} Test+data/{cat,dog}": "Train data - Test data",
    "TRAIN/{A,B} TEST/{A,B}": "TRAIN - TEST",
    "train/{cat,dog} valid/{cat,dog} test/{cat,dog} README.roboflow.txt": (
        "train valid test"
    ),
    "data/Train_Set/{cat,dog} data/Val_Set/{cat,dog}": (
        "data/Train_Set data/Val_Set -"
    ),
    # chest X-rays, packed on a Mac
    "chest_xray/train/{NORMAL,P} chest_xray/test/{NORMAL,P} chest_xray/val/{NORMAL,P} "
    "__MACOSX/chest_xray/train/{NORMAL,P}": (
        "chest_xray/train chest_xray/val chest_xray/test"
    ),
    # new plant diseases
    "New+Plant/New+Plant/train/{a,b} New+Plant/New+Plant/valid/{a,b}": (
        "New Plant/New Plant/train New Plant/New Plant/valid -"
    ),
    # surface defects: the classes lie beside annotations in each split
    "train/images/{crack,patch} train/annotations/a.xml "
    "validation/images/{crack,patch}": ("train/images validation/images -"),
    # rock, paper, scissors
    "rps-train-set/{rock,paper} rps-test-set/{rock,paper}": (
        "rps-train-set - rps-test-set"
    ),
    "TrainingSet/{a,b} TestingSet/{a,b} ValidationSet/{a,b}": (
        "TrainingSet ValidationSet TestingSet"
    ),
    "my_train/{a,b} my_eval/{a,b} my_test/{a,b}": "my_train my_eval my_test",
    "01_train/{a,b} 02_val/{a,b} 03_test/{a,b}": "01_train 02_val 03_test",
    "imgs/train/{c0,c1} imgs/test/{c0,c1} docs/a.md": "imgs/train - imgs/test",
    "train_images/{a,b} test_images/{a,b} train.csv": "train_images - test_images",
    "train+(1)/{a,b} test+(1)/{a,b}": "train (1) - test (1)",
    "treino/{a,b} validação/{a,b} teste/{a,b}": "treino validação teste",
    "train/dataset/{a,b} test/dataset/{a,b}": "train/dataset - test/dataset",
    "train_val/{a,b} test/{a,b}": "train_val - test",
    "trainset/{a,b} testset/{a,b} scripts/a.py notes.txt": "trainset - testset",
    "train_data/train/{a,b} train_data/test/{a,b}": (
        "train_data/train - train_data/test"
    ),
    # trains are vehicles, too
    "train/{bus,train} test/{bus,train}": "train - test",
}


@pytest.mark.parametrize("layout", SPLITS)
def test_splits_are_known_by_any_usual_name(layout, tmp_path):
    tree(tmp_path, layout)
    classes, listing = listed(tmp_path)
    words = SPLITS[layout].replace("New Plant", "New+Plant").replace(" data", "+data")
    words = words.replace(" (1)", "+(1)").replace("+data/", " data/")
    expected = dict(zip(("train", "val", "test"), words.split(), strict=False))
    origins = {split: path.replace("+", " ") for split, path in expected.items()}
    origins = {split: path for split, path in origins.items() if path != "-"}
    assert {
        s: w.removeprefix("folder ").strip("'") for s, w in listing.origins.items()
    } == (origins)
    assert set(classes) == set(origins)
    for item in listing.items:
        assert item.path.startswith(origins[item.split] + "/")
        name = item.path[len(origins[item.split]) + 1 :].split("/")[0]
        assert listing.classes[item.label] == name
    assert len({tuple(names) for names in classes.values()}) == 1


# Of layouts without splits, the classes.
CLASSES = {
    "cat dog": "cat dog",
    "dataset/{cat,dog}": "cat dog",
    # a satellite's 27,000 tiles, a city's land use
    "2750/{Forest,River}": "Forest River",
    "UCMerced_LandUse/Images/{beach,river} UCMerced_LandUse/readme.txt": "beach river",
    # dogs by breed, their boxes beside
    "Images/{n1-a,n2-b} Annotation/{n1-a,n2-b}/x": "n1-a n2-b",
    "images/{apple_pie,pizza} meta/classes.txt": "apple_pie pizza",
    "garbage+classification/Garbage+classification/{glass,metal}": "glass metal",
    # lungs and colons: folders within classes whose names differ
    "lung_sets/{lung_aca,lung_n} colon_sets/{colon_aca,colon_n}": (
        "colon_sets lung_sets"
    ),
    # names that hold a split's letters or words, and are none
    "contest pretest trainer attest": "attest contest pretest trainer",
    "bullet_train test_tube steam_train": "bullet_train steam_train test_tube",
    # each class with one folder of its own
    "n1/images n2/images n3/images": "n1 n2 n3",
}


@pytest.mark.parametrize("layout", CLASSES)
def test_classes_are_found_within_what_wraps_them(layout, tmp_path):
    tree(tmp_path, layout.replace("Annotation/{n1-a,n2-b}/x", "Annotation/n1-a/x.xml"))
    classes, listing = listed(tmp_path)
    assert classes == {None: CLASSES[layout].split()}
    assert listing.origins == {}


REFUSED = {
    # masks and photographs, in each class: X-rays of lungs
    "COVID/{images,masks} Normal/{images,masks}": (
        r"hold folders of the same names \('images', 'masks'\).*--exclude 'masks/'"
    ),
    "2025/{cat,dog} 2026/{cat,dog,owl}": "same names .'cat', 'dog'.* outer folders",
    # plant leaves in three renderings
    "color/{apple,corn} gray/{apple,corn} segmented/{apple,corn}": "same names",
    "OriginalSet/{cordana,healthy} AugmentedSet/{cordana,healthy}": "same names",
    # one domain each
    "amazon/images/{bike,pen} dslr/images/{bike,pen}": "same names .'bike', 'pen'",
    "fold_0/{a,b} fold_1/{a,b}": "holds folds .'fold_0', 'fold_1'.*'split' column",
    "fold1/train/{a,b} fold2/train/{a,b}": "",
    # malaria: a second copy within
    "cell_images/{Parasitized,Uninfected} Parasitized Uninfected": (
        "'cell_images', whose folders are named like the classes"
    ),
    # fish: a mask folder called after the class
    "Bream/Bream Bream/Bream+GT Trout/Trout Trout/Trout+GT": "same names",
    # the test images of traffic signs have no labels
    "Train/{0,1} Test/00000.png Meta/0.png": (
        r"official test set of .*'Test' \(1 image\) is not a split.*--exclude '/Test'"
    ),
    "asl_train/asl_train/{A,B} asl_test/asl_test/A_test.jpg": (
        "official test set .*'asl_test'"
    ),
    "train/{a,b} test": "official test set .* no labels",
    "train/{a,b} train2/{a,b} test/{a,b}": "Expected one train folder",
    "images/{TRAIN,TEST,TEST_SIMPLE}/x images/TRAIN/y": "'TEST_SIMPLE'",
    "train/{a,b} eval/{a,b}": "'eval' in .* may be the val or the test set; rename",
    # detection
    "train/images train/labels/a.txt valid/images": "CSV file",
    "cat dog test": "'test' among its class folders, which is named like a split",
    "cat/{train,test} dog": (
        "'cat' holds the splits 'test', 'train', and 'dog' holds none"
    ),
    "bottle/{train,test,ground_truth} cable/{train,test,ground_truth}": (
        "'ground_truth' beside its splits.*--exclude 'ground_truth/'"
    ),
    "cat/{masks,1.jpg} dog/1.jpg": "'cat/masks', whose 1 image may be no photographs",
    "old_train/{a,b} old_test/{a,b} new_train/{a,b} new_test/{a,b}": "one train folder",
    # a set within another, or not unpacked
    "train/{cat,dog,val} test/{cat,dog}": "'val' among its class folders",
    "train/{cat,dog} test.zip": r"'test' is lost .archives that are not unpacked",
    # segmentation, and renderings of one picture
    "images masks": "kinds of image .'images', 'masks'., not classes",
    "img label": "kinds of image",
    "Original_Images Augmented+Images": "kinds of image",
    "color grayscale segmented": "kinds of image",
    "train/{cat,dog} extra_photos/{cat,dog}": (
        "holds 'extra_photos', which is not a split"
    ),
}


@pytest.mark.parametrize("layout", REFUSED)
def test_what_may_mean_two_things_is_refused_with_the_cure(layout, tmp_path):
    tree(tmp_path, layout)
    with pytest.raises(DataError, match=REFUSED[layout]) as error:
        listed(tmp_path)
    assert "\n" not in str(error.value)


PAIRS = {
    # breast ultrasound
    "benign/b+(1).png benign/b+(1)_mask.png benign/b+(2).png benign/b+(2)_mask_1.png "
    "normal/n+(1).png normal/n+(1)_mask.png": "*_mask*",
    "a/{1,2}.jpg a/{1,2}_flip.jpg b/{1,2}.jpg b/{1,2}_flip.jpg": "*_flip*",
    "a/{1,2}.jpg a/{1,2}.png b/{3,4}.jpg b/{3,4}.png": "*.png",
    "a/{1,2}.jpg a/mask_{1,2}.jpg b/{3,4}.jpg": "mask_*",
    "a/{1,2}.jpg a/{1,2}-thumb.jpg b/{3,4}.jpg": "*-thumb*",
    "train/a/1.jpg train/a/1+GT.jpg test/a/2.jpg train/b/1.jpg train/b/1+GT.jpg "
    "test/b/1.jpg": "* GT*",
}


@pytest.mark.parametrize("layout", PAIRS)
def test_companions_of_images_are_refused_until_patterns_decide(layout, tmp_path):
    tree(tmp_path, layout)
    pattern = PAIRS[layout]
    with pytest.raises(DataError) as error:
        listed(tmp_path)
    assert f"--exclude '{pattern}'" in str(error.value)
    everything = listed(tmp_path, include="*")[1]
    kept = listed(tmp_path, exclude=pattern)[1]
    assert len(kept.items) < len(everything.items)
    assert kept.ignored["files that the patterns leave out"] > 0
    assert kept.fingerprint != everything.fingerprint
    assert not any("mask" in item.path or "GT" in item.path for item in kept.items)


def test_names_alike_by_chance_are_no_companions(tmp_path):
    tree(tmp_path, "car/{car,car_red,bus,van}.jpg dog/{1,2,3,1_old}.jpg fox/{1,2}.jpg")
    assert len(listed(tmp_path)[1].items) == 10


@pytest.mark.parametrize(
    "layout",
    ["with_mask without_mask", "mask no_mask", "gray red", "color_blind sighted"],
)
def test_classes_whose_names_hold_such_words_are_classes(layout, tmp_path):
    tree(tmp_path, layout)
    assert listed(tmp_path)[0] == {None: sorted(layout.split())}


@pytest.mark.parametrize("name", ["test.txt", "val_list.csv", "train_test_split.txt"])
def test_a_list_that_is_not_read_is_told(name, tmp_path):
    tree(tmp_path, "cat dog")
    (tmp_path / name).write_text("cat/1.jpg")
    with pytest.warns(KerasTransferWarning, match=f"'{name}' in .* official test or"):
        listed(tmp_path)


def test_a_pattern_that_fits_nothing_is_told(tmp_path):
    tree(tmp_path, "cat/{masks,1.jpg} dog")
    with pytest.warns(KerasTransferWarning) as told:
        listed(
            tmp_path, exclude=["masks/", "mask/", "./cat"], include=["*.jpg", "*.png"]
        )
    assert [str(each.message).split(" fits")[0] for each in told] == [
        *("--include '*.png'", "--exclude 'mask/'", "--exclude './cat'")
    ]


def test_patterns_decide_which_of_several_folders_is_meant(tmp_path):
    tree(tmp_path, "COVID/{images,masks} Normal/{images,masks}")
    for patterns in ({"include": "images/"}, {"exclude": ["masks/"]}):
        classes, listing = listed(tmp_path, **patterns)
        assert [item.path for item in listing.items] == [
            "COVID/images/1.jpg",
            "Normal/images/1.jpg",
        ]
        assert classes == {None: ["COVID", "Normal"]}
    assert len(listed(tmp_path, include="*")[1].items) == 4
    # what is named is meant
    assert len(listed(tmp_path, include=["images/", "masks/"])[1].items) == 4


def test_splits_below_the_classes_are_official(tmp_path):
    tree(tmp_path, "bottle/{train,test,ground_truth}/good cable/{train,test}/good")
    classes, listing = listed(tmp_path, exclude="ground_truth/")
    both = ["bottle", "cable"]
    assert classes == {"train": both, "test": both}
    assert listing.origins == {"train": "folder '*/train'", "test": "folder '*/test'"}
    (tmp_path / "cable/test/good/1.jpg").unlink()
    with pytest.raises(DataError, match="official test set of class 'cable', 'cable/t"):
        listed(tmp_path, exclude="ground_truth/")


def test_a_set_without_labels_is_left_out_on_request_alone(tmp_path):
    tree(tmp_path, "train/{a,b} test")
    classes, listing = listed(tmp_path, exclude="/test/")
    assert classes == {"train": ["a", "b"]}
    assert listing.ignored == {"folders that the patterns leave out": 1}


def test_a_class_called_train_is_a_class_once_the_user_says_so(tmp_path):
    tree(tmp_path, "bus car train")
    for include in ("*", ["bus/", "car/", "train/"], "/*/"):
        assert listed(tmp_path, include=include)[0] == {None: ["bus", "car", "train"]}


def test_a_layout_that_was_read_otherwise_before_has_another_fingerprint(tmp_path):
    def fingerprint(name, layout):
        root, digest = tmp_path / name, hashlib.sha256()
        tree(root, layout)
        for path in sorted(root.rglob("*.jpg")):  # as earlier releases did
            path.write_bytes(b"the same bytes")
            os.utime(path, ns=(1, 1))
            digest.update(f"{path.relative_to(root).as_posix()}\t14\t1\n".encode())
        return listed(root)[1].fingerprint == digest.hexdigest()

    assert fingerprint("plain", "cat dog/in dog-x dog/a-b")
    assert fingerprint("splits", "Train/{cat,dog} VALIDATION/{cat,dog} test/{cat,dog}")
    with pytest.warns(KerasTransferWarning, match="taken for one"):
        assert not fingerprint("alike", "train/{Cat,dog} test/{cat,dog}")
    assert not fingerprint("named", "Training/{cat,dog} Testing/{cat,dog}")
    assert not fingerprint("below", "cat/{train,test} dog/{train,test}")
