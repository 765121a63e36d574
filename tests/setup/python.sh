#!/usr/bin/env bash
# A Python of its own with third-party Mesos clients.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

workshop
say "python: installing avmesos $avmesos_version"
# An environment knows its own path, so it is made in its place and stamped only when it is complete. pip stays
# outside: it works without what Debian keeps in a package of its own (python3-venv).
rm -rf "$cache/python"
python3 -m venv --without-pip "$cache/python" >"$work/log" 2>&1 &&
  python3 -m pip --python "$cache/python/bin/python" install -q --disable-pip-version-check "avmesos==$avmesos_version" >>"$work/log" 2>&1 ||
  { tail -5 "$work/log" >&2; fail "installing avmesos $avmesos_version" "see the lines above; pip must be 22.3 or newer and reach its index"; }
"$cache/python/bin/python" -c 'import avmesos' ||
  fail "avmesos $avmesos_version cannot be imported" "see the lines above; another Python version may help"
