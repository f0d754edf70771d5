# Sourced by the scripts beside it: finds a Python, keeps a virtual environment up to date, runs the fast tests.
# It stops at the first failing step; a step's own message is never thrown away.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${SHOAL_VENV:-$root/.venv}
# Machine code is kept beside the sources, where the command finds it as well, unless NUMBA_CACHE_DIR is set.
unset PYTHONDONTWRITEBYTECODE # or each process of the tests would compile each module

say() { printf '== %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

is_supported() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

# Print a Python of at least 3.11: $PYTHON if it is set, otherwise the first on the path.
find_python() {
  local candidate
  if [ -n "${PYTHON:-}" ]; then
    is_supported "$PYTHON" || fail "PYTHON=$PYTHON does not run or is older than Python 3.11"
    printf '%s\n' "$PYTHON"
    return
  fi
  for candidate in python3 python3.13 python3.12 python3.11; do
    if is_supported "$candidate"; then printf '%s\n' "$candidate"; return; fi
  done
  fail "no Python of at least 3.11 on the path; install one, or name it: PYTHON=/path/to/python $0"
}

# Install into $venv, by uv where it can be had: it takes seconds where pip takes more than a minute.
install_packages() {
  local pip=("$venv/bin/python" -m pip --quiet --disable-pip-version-check install)
  if ! { "${pip[@]}" uv && "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" "$@"; }; then
    say "uv did not install it (see above); pip does"
    "${pip[@]}" "$@"
  fi
}

# Make $venv if there is none, and install into it what pyproject.toml asks for unless that was done before.
# The stamp is written last: an installation that was interrupted is done again.
prepare_environment() {
  local python stamp="$venv/.shoal-stamp" wanted
  if [ ! -x "$venv/bin/python" ]; then
    python=$(find_python)
    say "making $venv with Python $(version_of "$python") (the first installation takes a few minutes)"
    "$python" -m venv "$venv"
  elif [ -n "${PYTHON:-}" ] && [ "$(version_of "$PYTHON")" != "$(version_of "$venv/bin/python")" ]; then
    fail "$venv holds Python $(version_of "$venv/bin/python"), PYTHON is $(version_of "$PYTHON"); remove the folder or unset PYTHON"
  fi
  wanted="$root $("$venv/bin/python" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$root/pyproject.toml")"
  if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
    say "installing shoal and its tools into $venv"
    rm -f "$stamp"
    install_packages "$@" "${root}[dev]"
    printf '%s\n' "$wanted" >"$stamp"
  fi
}

# Compile the engine before it is used, so that no fit waits for it and no two workers do the same.
warm_engine() {
  say "compiling the engine for this machine (the first time a minute or two; afterwards it is found on disk)"
  "$venv/bin/shoal" warm
}

# A file of tests stays with one worker, so that what its tests share is made once.
# No tests collected (pytest's exit code 5) is a failure like any other.
run_fast_tests() {
  (cd "$root" && "$venv/bin/python" -m pytest -m "not slow and not sbc" -n 2 --dist loadfile --no-loadscope-reorder "$@")
}
