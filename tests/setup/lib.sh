# shellcheck shell=bash
# What every part of the set-up shares: where the cache is, how to tell progress, how to fail.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${FLINK_MESOS_CACHE:-$HOME/.cache/flink-mesos}
# shellcheck source=versions.sh
. "$here/versions.sh"

say() { echo "setup: $*"; }

# fail WHAT WHAT-TO-DO
fail() {
  echo "setup: failed: $1" >&2
  echo "setup: what to do: $2" >&2
  exit 1
}

# A new folder beside the final one, so that `mv` is atomic; gone when the script ends.
workshop() {
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/.building-XXXXXX")
  trap 'rm -rf "$work"' EXIT
}

# put_in_place BUILT NAME: the built folder becomes $cache/NAME, the old one goes.
put_in_place() {
  rm -rf "$work/old"
  [ ! -e "$cache/$2" ] || mv "$cache/$2" "$work/old"
  mv "$1" "$cache/$2"
}

# verify SHA256 FILE
verify() {
  echo "$1  $2" | sha256sum --check --status ||
    fail "$(basename "$2") has not the expected sha256 $1" "run it again; if it stays so, what the package index serves has changed"
}

# install_from_pypi NAME REQUIREMENT...: an environment of Python in $cache/NAME with these packages. It knows its own path, so it is
# made in its place, and its part is stamped only when it is complete. pip stays outside: it works without what Debian keeps in a
# package of its own (python3-venv). Needs a workshop.
install_from_pypi() {
  local folder=$cache/$1
  say "$1: installing ${*:2}"
  rm -rf "$folder"
  python3 -m venv --without-pip "$folder" >"$work/log" 2>&1 &&
    python3 -m pip --python "$folder/bin/python" install -q --disable-pip-version-check "${@:2}" >>"$work/log" 2>&1 ||
    { tail -5 "$work/log" >&2; fail "installing ${*:2}" "see the lines above; pip must be 22.3 or newer and reach its index"; }
}
