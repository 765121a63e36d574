#!/usr/bin/env bash
# A Python of its own with third-party Mesos clients.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

workshop
say "python: installing avmesos $avmesos_version"
# An environment knows its own path, so it is made in its place and stamped only when it is complete.
rm -rf "$cache/python"
python3 -m venv "$cache/python" ||
  fail "python3 -m venv" "install what this system calls python3-venv"
"$cache/python/bin/python" -m pip install -q --disable-pip-version-check "avmesos==$avmesos_version" >"$work/pip.log" 2>&1 ||
  { tail -5 "$work/pip.log" >&2; fail "installing avmesos $avmesos_version" "see the lines above"; }
