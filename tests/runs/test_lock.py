import os
import signal
import subprocess
import sys

import pytest

from intarsia.errors import RunError
from intarsia.runs.lock import RunLock

HOLDER = """
import sys, time
from pathlib import Path
from intarsia.runs.lock import RunLock
with RunLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_writer_is_refused_and_a_killed_one_leaves_nothing(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunError, match=f"process {holder.pid} on"), RunLock(tmp_path):
            pass
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.communicate()
    with RunLock(tmp_path):
        pass
