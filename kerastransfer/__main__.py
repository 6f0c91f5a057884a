"""``python -m kerastransfer``, where the command is not on the path."""

from kerastransfer.cli import run

if __name__ == "__main__":
    run()
