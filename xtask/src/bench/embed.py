"""Runs a command and prints what it took: wall and processor seconds, most resident memory in KiB, exit code.

The first argument names the list of the command's last arguments, one a line; the others are its first ones.
"""

import json
import resource
import subprocess
import sys
import time

with open(sys.argv[1], encoding="utf-8") as names:
    files = names.read().splitlines()
before = time.monotonic()
done = subprocess.run(sys.argv[2:] + files, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
wall = time.monotonic() - before
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"wall": wall, "cpu": used.ru_utime + used.ru_stime, "kib": used.ru_maxrss, "code": done.returncode}))
