"""The command line in a process that is forked with torch imported; the fixture `start` runs it.

Its parent sets `arguments`, `outputs` (the connections that get standard output and error) and
`file_size` (bytes that a file of the process may have, or None).
"""

import atexit
import multiprocessing
import os
import resource
import signal
import sys

os.setsid()
for number, connection in enumerate(outputs, start=1):  # noqa: F821
    os.dup2(connection.fileno(), number)
    connection.close()
# a shell starts what runs in its background with interrupts ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
if file_size is not None:  # noqa: F821
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))  # noqa: F821
multiprocessing.current_process().daemon = False  # it has workers
sys.argv = ["untrained", *arguments]  # noqa: F821

from untrained.harness.cli.main import main  # noqa: E402

try:
    main()
finally:
    atexit._run_exitfuncs()
