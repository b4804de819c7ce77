"""The process of one Lambda function: its runtime client, which ends when the process that started it ends.

Started as a script, with the function's folder as working directory: `python local/emulator/bootstrap.py app.handler`.
"""

import os
import sys
import threading
from pathlib import Path

from awslambdaric.__main__ import main


def _end_with_parent() -> None:
    # The other end of our stdin closes however the parent ends, even by SIGKILL.
    os.read(0, 1)
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.path[0] = str(Path.cwd())  # instead of this script's folder: the function must not see local/
    main(sys.argv)
