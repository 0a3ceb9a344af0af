# Sourced: Node, an editor to test with, and this folder's packages as the lock file has them.
export SCG_EDITOR_LAB="${SCG_EDITOR_LAB:-$HOME/.cache/streaming-code-generator-editor-lab}"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
e2e/setup.sh
export PATH="$SCG_EDITOR_LAB/node24/bin:$PATH"
if ! [ node_modules/.package-lock.json -nt package-lock.json ]; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
fi
