"""What people call the columns of a table of images."""

# Names without their blanks, marks and case. Of the second row of paths' names, which
# may be numbers of anything, one is taken where there is none of the first.
PATHS = (
    frozenset(
        (
            *("path", "paths", "filepath", "filepaths", "relativepath"),
            *("file", "files", "filename", "filenames", "fname", "photo", "picture"),
            *("image", "images", "imagepath", "imagepaths", "imagefile", "imagename"),
            *("imagefilename", "imagefilepath"),
            *("img", "imgpath", "imgname", "imgfile"),
        )
    ),
    frozenset(("imageid", "imgid", "id", "idcode", "uuid", "name")),
)
LABELS = frozenset(
    (
        *("labels", "labelname", "class", "classes", "classname"),
        *("category", "categories", "categoryname", "target", "y", "groundtruth"),
        *("species", "breed", "diagnosis", "dx"),
    )
)
SPLITS = frozenset(
    (
        *("splits", "set", "subset", "partition", "usage", "phase"),
        *("datasplit", "datasetsplit", "traintest"),
    )
)
GROUPS = frozenset(("groups", "groupid"))
