"""As on Windows: modules and functions that POSIX alone has are not there."""

# To be run before anything else in a process.
WITHOUT_POSIX = """
import os, sys
for name in ("fcntl", "resource", "grp", "pwd", "termios"):
    sys.modules[name] = None
for name in ("sched_getaffinity", "fork", "pread", "pwrite"):
    if hasattr(os, name):
        delattr(os, name)
"""
