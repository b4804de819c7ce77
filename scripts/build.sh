#!/usr/bin/env bash
# Build the SAM application for an environment of samconfig.toml, with bytecode: scripts/build.sh <environment> [options of sam build]
set -euo pipefail
cd "$(dirname "$0")/.."

environment=$1
shift
build_dir=.aws-sam/build
arguments=("$@")
for ((i = 0; i < ${#arguments[@]}; i++)); do
  if [ "${arguments[i]}" = --build-dir ]; then build_dir=${arguments[i + 1]}; fi
done

# sam wants a python3.13 on the path; the wheels are the target's, whatever machine this is.
export PATH="$PWD/.venv/bin:$PATH" SAM_CLI_TELEMETRY=0
# The owner's runbooks and policies (mine/) are laid over the shipped ones; without them this is the checkout itself.
tree=$("${PYTHON:-python}" -m firstline_cli.overlay)
"${SAM:-sam}" build --config-env "$environment" --config-file "$PWD/samconfig.toml" --template "$tree/template.yaml" "$@"

# sam leaves bytecode out, and Lambda cannot write any under /opt: every cold start would compile everything anew.
# Hash-based and unchecked, because times do not survive the upload; the same sources give the same bytes.
for layer in CoreLayer LlmLayer; do
  python -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$build_dir/$layer" -p /opt "$build_dir/$layer/python"
done
