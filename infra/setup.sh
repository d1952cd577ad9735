#!/usr/bin/env bash
# Makes .venv with what requirements.txt and infra/constraints.txt pin; costs nothing where it is done.
#
#   PYTHON=/path/to/python3.11   the interpreter, where it is not found by itself
#   TORCH_INDEX=URL              a package index to take torch from. Plain torch for Linux brings CUDA
#                                libraries of several GB; PyTorch's install page names an index of CPU builds.
#
# Installs with uv where it is on PATH, else with pip; pip's settings (find-links, indexes) hold for both.
# An interrupted installation is begun anew, from pip's or uv's cache. To renew the constraints:
#   uv pip freeze | sed -E 's/\+[a-z0-9.]+$//'    in a fresh environment made from requirements.txt alone
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly VENV=.venv STAMP=.venv/installed.sha256 NEEDED_GB=4

fail() { # summary, remedy…
    printf 'setup: %s\n' "$1" >&2
    shift
    printf '  %s\n' "$@" >&2
    exit 1
}

wanted_digest() {
    cat requirements.txt infra/constraints.txt infra/setup.sh |
        "$1" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'
}

is_installed() {
    [ -x "$VENV/bin/python" ] && [ -f "$STAMP" ] &&
        [ "$(cat "$STAMP")" = "$(wanted_digest "$VENV/bin/python")" ]
}

is_python_311() { # python
    "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null
}

find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ] && ! is_python_311 "$PYTHON"; then
        fail "PYTHON=$PYTHON is not a Python 3.11" "name another one, or leave PYTHON out to have one looked for"
    fi
    for candidate in "${PYTHON:-}" python3.11 python3 python "$(uv python find 3.11 2>/dev/null || true)"; do
        if [ -n "$candidate" ] && is_python_311 "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "Python 3.11 is missing (found: $(python3 --version 2>/dev/null || echo 'no python3'))" \
        "get it: apt install python3.11 python3.11-venv · brew install python@3.11 · uv python install 3.11" \
        "or name it: make setup PYTHON=/path/to/python3.11"
}

check_machine() { # python
    "$1" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "the venv module of $1 is missing" "get it: apt install python3.11-venv"
    [ -w . ] || fail "this folder cannot be written: $PWD" "clone into a folder of your own, or chown it"
    local free_gb
    free_gb=$(($(df -Pk . | awk 'NR == 2 {print $4}') / 1048576))
    [ "$free_gb" -ge "$NEEDED_GB" ] ||
        fail "not enough disk space: $NEEDED_GB GB needed in $PWD, $free_gb GB free" \
            "free some, or clone to a larger disk"
}

pip_setting() { # name → its values on one line, from the environment or any of pip's config files
    local scope value
    for scope in :env: site user global; do
        if value=$("$VENV/bin/python" -m pip config get "$scope.$1" 2>/dev/null); then
            printf '%s' "$value" | tr -s '\n ' '  '
            return
        fi
    done
}

say_what_torch_brings() {
    if [ "$(uname -sm)" = "Linux x86_64" ] && [ -z "${TORCH_INDEX:-}$(pip_setting find-links)" ]; then
        echo "setup: torch's standard build brings CUDA libraries of several GB; TORCH_INDEX avoids them" \
            "(see infra/setup.sh)"
    fi
}

# Bytecode is compiled once here, as pip does: else every process that may not write it compiles torch anew.
install_with_uv() {
    local find_links index
    find_links=$(pip_setting find-links)
    index=$(pip_setting index-url)
    UV_FIND_LINKS=${UV_FIND_LINKS:-${find_links// /,}} \
        UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$index} \
        UV_INDEX="${TORCH_INDEX:-} ${UV_INDEX:-$(pip_setting extra-index-url)}" \
        uv pip install --quiet --compile-bytecode --index-strategy unsafe-best-match \
        --python "$VENV/bin/python" \
        -r requirements.txt -c infra/constraints.txt
}

install_with_pip() {
    "$VENV/bin/python" -m pip install --disable-pip-version-check --no-input -qq \
        ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -r requirements.txt -c infra/constraints.txt
}

main() {
    is_installed && return
    local python digest
    python=$(find_python)
    check_machine "$python"
    if [ ! -f "$STAMP" ] || [ ! -x "$VENV/bin/pip" ]; then # nothing yet, or interrupted, or not ours
        "$python" -m venv --clear "$VENV"
    fi
    digest=$(wanted_digest "$python")
    rm -f "$STAMP"
    say_what_torch_brings
    echo "setup: installing into $VENV (1 to 3 minutes, 3 GB)"
    if command -v uv >/dev/null; then install_with_uv; else install_with_pip; fi
    printf '%s\n' "$digest" >"$STAMP"
    echo "setup: done"
}

main
