#!/bin/sh
# Checks all Lua: its form by StyLua, its meaning by luacheck. `--fix` has StyLua write the files instead.
# What is not installed is named and left out; StyLua needs npm, which fetches it once.
set -eu
cd "$(dirname "$0")/.."

lab="${SCG_EDITOR_LAB:-$HOME/.cache/streaming-code-generator-editor-lab}"
stylua="@johnnymorganz/stylua"
stylua_version=2.5.2
PATH="$PATH:$lab/node24/bin"
lua="$(find . ../../tests -name '*.lua')"

# The lines of a list are its words: no name here has a space.
# shellcheck disable=SC2086
run_stylua() {
    if ! command -v npm > /dev/null; then
        echo "NOT RUN: StyLua, for which npm is missing" >&2
        return
    fi
    [ -d "$lab/stylua-$stylua_version" ] ||
        npm install --silent --no-audit --no-fund --prefix "$lab/stylua-$stylua_version" "$stylua@$stylua_version" > /dev/null
    NODE_PATH="$lab/stylua-$stylua_version/node_modules" node scripts/stylua.mjs "$@" $lua
}

# shellcheck disable=SC2086
run_luacheck() {
    if ! command -v luacheck > /dev/null; then
        echo "NOT RUN: luacheck, which is not installed (Debian's package is lua-check)" >&2
        return
    fi
    luacheck --quiet --config .luacheckrc $lua
}

if [ "${1-}" = --fix ]; then
    run_stylua
else
    run_stylua --check
    run_luacheck
fi
