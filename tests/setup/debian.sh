#!/usr/bin/env bash
# Packages of the system: installed only where what they bring is missing.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

missing=()
command_from() { command -v "$1" >/dev/null || missing+=("$2"); }
file_from() { compgen -G "$1" >/dev/null || missing+=("$2"); }

command_from javac openjdk-17-jdk-headless
command_from curl curl
command_from nm binutils
command_from g++ g++
file_from '/usr/share/java/zookeeper.jar' zookeeper
file_from '/usr/lib/*/libsasl2.so.2' libsasl2-2
file_from '/usr/lib/*/sasl2/libcrammd5.so' libsasl2-modules
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null ||
  fail "missing here: ${missing[*]} (names as Debian has them)" "install what this system calls them; there is no apt-get to do it"
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
[ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
  fail "missing here: ${missing[*]}" "run as root: apt-get install ${missing[*]}"

# install PACKAGE...: with what apt knows already; only if that fails with fresh lists.
install() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >"$log" 2>&1; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
say "debian: installing ${missing[*]}"
if ! install "${missing[@]}"; then
  say "debian: refreshing the package lists"
  "${as_root[@]}" apt-get update -q >"$log" 2>&1 || { tail -5 "$log" >&2; fail "apt-get update" "see the lines above"; }
  # A system that has left Java 17 behind: Flink runs on 21 too.
  [ -n "$(apt-cache madison openjdk-17-jdk-headless)" ] ||
    missing=("${missing[@]/openjdk-17-jdk-headless/openjdk-21-jdk-headless}")
  install "${missing[@]}" || { tail -15 "$log" >&2; fail "apt-get install ${missing[*]}" "see the lines above"; }
fi
