"""Archives: tar, tar.gz, zip and folders as streams of safely named members."""
