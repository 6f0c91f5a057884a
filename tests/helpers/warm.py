"""Scripts in processes of their own, which need not import TensorFlow first.

They are forked by a server that has imported it and done nothing with it: importing
takes longer than a small run. They can be killed as any process can.
"""

import contextlib
import multiprocessing
import os
import pathlib
import runpy
import signal
import sys
import threading
from multiprocessing import reduction

_TESTS = pathlib.Path(__file__).parent.parent
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["helpers.preloaded"])


class WarmProcess:
    """As much of `subprocess.Popen` as tests use, in text mode.

    The environment and the folder are this process's, or those that are given; but what
    libraries read as they are imported was read in the server's.
    """

    def __init__(self, script, *arguments, cwd=None, env=None):
        stdout, out = os.pipe()
        stderr, err = os.pipe()
        ends = [reduction.DupFd(end) for end in (out, err)]
        argv = [str(script), *map(str, arguments)]
        place = os.fspath(cwd or pathlib.Path.cwd())
        given = (argv, ends, place, dict(os.environ if env is None else env))
        self._process = _CONTEXT.Process(target=_run, args=given)
        with _importable():
            self._process.start()
        os.close(out)
        os.close(err)
        self.stdout, self.stderr = os.fdopen(stdout), os.fdopen(stderr)

    @property
    def returncode(self):
        return self._process.exitcode

    def send_signal(self, number):
        if self.returncode is None:  # else somebody else may have its number
            os.kill(self._process.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def wait(self, timeout=None):
        self._process.join(timeout)
        if self.returncode is None:
            self.kill()
            self._process.join()
            raise TimeoutError(f"{self._process} took more than {timeout} s")
        return self.returncode

    def communicate(self, timeout=None):
        """Read both streams to their ends, and wait."""
        texts = {}

        def read(stream):
            texts[stream] = stream.read()

        streams = (self.stdout, self.stderr)
        readers = [threading.Thread(target=read, args=(s,)) for s in streams]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for stream, reader in zip(streams, readers, strict=True):
            reader.join()
            stream.close()
        return tuple(texts[stream] for stream in streams)


@contextlib.contextmanager
def _importable():
    """Let the server, which is started now if it was not, import our helpers."""
    before = os.environ.get("PYTHONPATH")
    paths = [str(_TESTS), *([before] if before else [])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def _run(argv, ends, place, env):
    """Run a script as `python` would, its streams on the given ends."""
    for number, end in enumerate(ends, start=1):
        end = end.detach()
        os.dup2(end, number)
        os.close(end)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, closefd=False)  # by lines
    os.chdir(place)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = argv
    runpy.run_path(argv[0], run_name="__main__")
