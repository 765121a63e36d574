#!/usr/bin/env bash
# typos, the spell checker of `make check`.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

workshop
install_from_pypi typos "typos==$typos_version"
