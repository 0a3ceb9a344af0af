#!/usr/bin/env bash
# Builds the extension, installs it into a real VS Code (code-server) and drives it in Chromium against the real
# language server and a scripted model. One line for each case, and 'N passed, N failed' at the end.
#
#   e2e/run.sh [WORD...]     only the cases whose name contains one of the words
#   PYTHON                   the interpreter that has the package (default: the checkout's own)
#   SCG_EDITOR_LAB           where setup.sh has put the editor
#   SCG_WORKERS              how many cases run at once, each in an editor of its own (default: 2)
#   SCG_SCREENSHOTS=1        renew the screenshots in docs/images
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
extension="$(dirname "$here")"
root="$(cd "$extension/../.." && pwd)"
export PYTHON="${PYTHON:-$root/.venv/bin/python}"
export SCG_IMAGES="$root/docs/images"
unset PYTHONDONTWRITEBYTECODE  # else every server that is started compiles all that it imports

source "$extension/scripts/tools.sh"
export NODE_PATH="$SCG_EDITOR_LAB/playwright/node_modules"
export npm_config_nodedir="$SCG_EDITOR_LAB/node24"

# A log of its own: runs from two checkouts share the lab, and nothing that either writes.
packaged=$(mktemp)
npm run --silent package >"$packaged" 2>&1 || { cat "$packaged"; rm -f "$packaged"; exit 1; }
rm -f "$packaged"

exec timeout --kill-after=20 "${SCG_E2E_TIMEOUT:-1800}" node "$here/main.mjs" "$@"
