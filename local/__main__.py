"""Entry point of `python -m local`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "layers" / "core"))

try:
    from local.cli import app
except ModuleNotFoundError as error:
    sys.exit(f"{error}: run `make setup`, then `.venv/bin/python -m local`.")

app()
