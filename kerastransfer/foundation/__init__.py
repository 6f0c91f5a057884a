"""What every part stands on: files, locks, downloads, hashes, progress, messages."""
