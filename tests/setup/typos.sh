#!/usr/bin/env bash
# typos, the spell checker of `make check`.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

workshop
say "typos: installing typos $typos_version"
# As in python.sh: built at its final path, stamped when complete, pip outside.
rm -rf "$cache/typos"
python3 -m venv --without-pip "$cache/typos" >"$work/log" 2>&1 &&
  python3 -m pip --python "$cache/typos/bin/python" install -q --disable-pip-version-check "typos==$typos_version" >>"$work/log" 2>&1 ||
  { tail -5 "$work/log" >&2; fail "installing typos $typos_version" "see the lines above; pip must be 22.3 or newer and reach its index"; }
