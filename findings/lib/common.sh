# shellcheck shell=bash
# What the findings share: a temporary folder, pinned packages in it, and the comparison that decides.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PYTHONPATH=$root/findings/lib PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d "${TMPDIR:-/tmp}/finding-XXXXXX")
trap 'rm -rf "$work"' EXIT
# shellcheck source=../../tests/setup/versions.sh
. "$root/tests/setup/versions.sh"
changed=0

# parts PART...: installs these parts of tests/setup, which pins their versions and digests, into the temporary folder. Where
# the cache of the set-up has all of them, they are read from there. Afterwards $packages is the folder that holds them.
parts() {
  packages=${FLINK_MESOS_CACHE:-$HOME/.cache/flink-mesos}
  local part
  for part in "$@"; do
    [ -e "$packages/.stamps/$part" ] || packages=$work/packages
  done
  [ "$packages" != "$work/packages" ] || FLINK_MESOS_CACHE=$packages "$root/tests/setup/setup" "$@" >&2
}

# on_mesos: runs the Python program on standard input, which has the real Mesos by `from mesos import …`.
on_mesos() {
  parts mesos </dev/null
  python3 - "$packages" "$work"
}

# pip_download PACKAGE==VERSION FOLDER [PIP-OPTION...]
pip_download() {
  local package=$1 folder=$2
  shift 2
  python3 -m pip download -q --no-deps --disable-pip-version-check "$package" -d "$folder" "$@" >"$work/pip.log" 2>&1 ||
    { tail -5 "$work/pip.log" >&2; echo "finding: cannot download $package" >&2; exit 2; }
}

# expect WHAT EXPECTED SEEN: compares, and remembers what has changed.
expect() {
  if [ "$2" = "$3" ]; then
    printf 'as stated  %s: %s\n' "$1" "$3"
  else
    printf 'CHANGED    %s: expected %s, seen %s\n' "$1" "$2" "$3"
    changed=1
  fi
}

# The last line of each finding: fails if anything has changed.
verdict() {
  [ "$changed" = 0 ] || { echo "This finding no longer holds: see the lines above." >&2; exit 1; }
}

# flinks LINE...: the distributions of these lines of Flink (1, 2), and in $flink_1, $flink_2 where they are.
flinks() {
  parts "${@/#/flink-}"
  # shellcheck disable=SC2034
  flink_1=$packages/flink-$flink_1_version flink_2=$packages/flink-$flink_2_version
}

# reads HOME FILE-NAME TEXT [KEY]: what that Flink reads from a configuration file of this name and text; with a key, as a list.
reads() {
  local home=$1 folder
  folder=$(mktemp -d "$work/conf-XXXXXX")
  printf '%b' "$3" >"$folder/$2"
  [ -d "$work/classes" ] || javac -d "$work/classes" -cp "$home/lib/*" "$root/findings/lib/ShowConfiguration.java"
  (cd "$work" && java -XX:TieredStopAtLevel=1 -cp "$home/lib/*:$work/classes" -Dlog.file=/dev/null ShowConfiguration "$folder" "${@:4}" 2>>"$work/java.err" | tail -1)
}
