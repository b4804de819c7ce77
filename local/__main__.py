"""Entry point of `python -m local`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "layers" / "core"))

from local.cli import app

app()
