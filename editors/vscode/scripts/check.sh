#!/usr/bin/env bash
# Checks the extension without an editor: types, eslint, unit tests.
set -euo pipefail
source "$(dirname "$0")/tools.sh"
npm run --silent check
npm test --silent
