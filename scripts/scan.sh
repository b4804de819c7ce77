#!/usr/bin/env bash
# Scan the templates with tools that are no dependencies of the project: they come into a scratch environment.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=${1:-.cache/scan}

if [ ! -x "$scratch/bin/checkov" ]; then
  .venv/bin/python -m venv "$scratch"
  # parliament needs pkg_resources, which newer setuptools no longer bring.
  "$scratch/bin/pip" install --quiet checkov parliament 'setuptools<80'
fi
export PYTHONPATH=layers/core:cli:.
.venv/bin/python -m scripts.scan policies >"$scratch/policies.json"
"$scratch/bin/checkov" -f template.yaml observability.yaml runbooks/documents/template.yaml --framework cloudformation \
  --compact --quiet --skip-download -o json >"$scratch/checkov.json" 2>"$scratch/checkov.log" || true
PYTHONPATH='' "$scratch/bin/python" -W ignore - "$scratch" <<'PYTHON'
import json
import sys
from pathlib import Path

from parliament import analyze_policy_string

scratch = Path(sys.argv[1])
reports = json.loads((scratch / "checkov.json").read_text())
found = [
    ("checkov", check["check_id"], check["resource"].rsplit(".", 1)[-1])
    for report in (reports if isinstance(reports, list) else [reports])
    for check in report["results"]["failed_checks"]
]
for name, policy in json.loads((scratch / "policies.json").read_text()).items():
    for finding in analyze_policy_string(json.dumps(policy)).findings:
        detail = finding.detail if isinstance(finding.detail, list) else []
        actions = {each["action"] if isinstance(each, dict) else each for each in detail} or {"-"}
        found += [("parliament", finding.issue, f"{name}:{action}") for action in actions]
(scratch / "findings.json").write_text(json.dumps(found))
PYTHON
.venv/bin/python -m scripts.scan compare "$scratch/findings.json"
