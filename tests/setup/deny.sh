#!/usr/bin/env bash
# cargo-deny, for `make check`: which crates and licences may come in.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

command -v cargo-deny >/dev/null && exit 0
say "deny: building cargo-deny (some minutes, once)"
cargo install --quiet --locked cargo-deny || fail "cargo install cargo-deny" "see the lines above"
