"""Write a dataset's images as TFRecords: ``kerastransfer convert`` under another name.

::

    python tools/make_tfrecords.py --dataset cub200 --archives DIR
"""

import sys

from kerastransfer import cli


def main() -> None:
    """Pass the arguments on; never returns."""
    sys.argv[1:1] = ["convert"]
    cli.run()


if __name__ == "__main__":
    main()
