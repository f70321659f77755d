"""The commands of the command line, one file each; heavy packages are imported when one runs."""
