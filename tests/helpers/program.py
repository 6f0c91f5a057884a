"""The command line, as a script."""

import sys

from kerastransfer import cli

if __name__ == "__main__":
    sys.exit(cli.main(sys.argv[1:]))
