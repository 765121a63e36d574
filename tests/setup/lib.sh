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
