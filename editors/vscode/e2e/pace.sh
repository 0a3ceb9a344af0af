#!/usr/bin/env bash
# Compares the pace of edits with that of the language client as it comes: see pace/main.mjs. Needs an extension
# that is packaged, as e2e/run.sh leaves it.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
export SCG_EDITOR_LAB="${SCG_EDITOR_LAB:-$HOME/.cache/streaming-code-generator-editor-lab}"
export PYTHON="${PYTHON:-$root/.venv/bin/python}"
export PATH="$SCG_EDITOR_LAB/node24/bin:$PATH"
exec timeout --kill-after=20 900 node "$here/pace/main.mjs" "$@"
