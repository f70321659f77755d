"""Search algorithms, one file each; a file registers what it defines."""
