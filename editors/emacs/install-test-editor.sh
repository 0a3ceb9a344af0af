#!/bin/sh
# Installs the editors that tests/editors/test_emacs*.py drive: Debian's Emacs with its Eglot package, and
# on Debian 12 Emacs 30, whose Eglot is built in, from the backports. It does nothing twice.
#
# Emacs 30 is only unpacked, into ${SCG_EDITOR_LAB:-~/.cache/streaming-code-generator-editor-lab}/emacs30:
# installed, it would take the other one's place. Start it with the script `emacs` in there.
set -eu

lab="${SCG_EDITOR_LAB:-$HOME/.cache/streaming-code-generator-editor-lab}/emacs30"

has_eglot() {
    [ "$("$1" --batch --eval '(princ (if (locate-library "eglot") "yes"))' 2>/dev/null)" = yes ]
}

install_debian_emacs() {
    if ! command -v apt-get > /dev/null || [ "$(id -u)" != 0 ]; then
        echo "install-test-editor.sh: there is no Emacs with Eglot here. Install it, such as by" >&2
        echo "    sudo apt-get install --no-install-recommends emacs-nox elpa-eglot" >&2
        exit 1
    fi
    apt-get update -qq
    # Since Emacs 29 Eglot is built in, and the package may be gone.
    apt-get install -y -qq --no-install-recommends emacs-nox elpa-eglot > /dev/null ||
        apt-get install -y -qq --no-install-recommends emacs-nox > /dev/null
}

is_debian_12() {
    command -v dpkg-deb > /dev/null && grep -qs '^VERSION_CODENAME=bookworm$' /etc/os-release
}

# Downloads with an apt state of its own, so that the machine's sources stay as they are.
download_emacs_30() {
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' | head -n 1)
    printf 'deb %s %s main\n' "$mirror" bookworm "$mirror" bookworm-backports > "$1/sources.list"
    cat > "$1/apt.conf" <<CONF
Dir::Etc::sourcelist "$1/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "$1/lists";
Dir::Cache "$1/cache";
APT::Sandbox::User "";
CONF
    (
        cd "$1"
        export APT_CONFIG="$1/apt.conf"
        apt-get update -qq
        apt-get download -qq -t bookworm-backports \
            emacs-nox emacs-common emacs-bin-common libtree-sitter0
    )
}

unpack_emacs_30() {
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    download_emacs_30 "$scratch"
    rm -rf "$lab"
    mkdir -p "$lab"
    for package in "$scratch"/*.deb; do
        dpkg-deb -x "$package" "$lab"
    done
    cat > "$lab/emacs" <<'SCRIPT'
#!/bin/sh
# Emacs looks for its files under /usr; here they are elsewhere.
home=$(dirname "$(readlink -f "$0")")
share=$(echo "$home"/usr/share/emacs/[0-9]*)
libexec=$(echo "$home"/usr/libexec/emacs/[0-9]*/*)
export LD_LIBRARY_PATH="$(echo "$home"/usr/lib/*-linux-gnu*)"
export EMACSDATA="$share/etc" EMACSDOC="$share/etc" EMACSPATH="$libexec" EMACSLOADPATH="$share/lisp"
exec "$home/usr/bin/emacs-nox" --dump-file="$(echo "$libexec"/*.pdmp)" "$@"
SCRIPT
    chmod +x "$lab/emacs"
}

has_eglot emacs || install_debian_emacs
if is_debian_12 && ! has_eglot "$lab/emacs"; then
    unpack_emacs_30
fi
for editor in emacs "$lab/emacs"; do
    if has_eglot "$editor"; then
        "$editor" --version | head -n 1
    fi
done
