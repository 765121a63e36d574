#!/usr/bin/env bash
# A Python of its own with third-party Mesos clients.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

workshop
install_from_pypi python "avmesos==$avmesos_version"
"$cache/python/bin/python" -c 'import avmesos' ||
  fail "avmesos $avmesos_version cannot be imported" "see the lines above; another Python version may help"
