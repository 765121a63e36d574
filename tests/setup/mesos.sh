#!/usr/bin/env bash
# The real Apache Mesos: the official Linux x86-64 library out of the Python package `mesos.scheduler`, and around it
# the small program of ours (tests/real-mesos) that starts the master and the agent in it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source=$(cd "$here/../real-mesos" && pwd)
[ "$(uname -m)" = x86_64 ] || fail "the official Mesos build is for x86_64, this is $(uname -m)" "run the tests on an x86_64 machine"
workshop
bin=$work/mesos/bin lib=$work/mesos/lib
mkdir -p "$bin" "$lib"

# pip knows where the file lies but cannot download it: its version is no version of today's rules. So pip is asked
# for a version that does not exist, and tells of the links it saw.
say "mesos: fetching the official $mesos_version (27 MB)"
archive=mesos.scheduler-$mesos_version.linux-x86_64.tar.gz
python3 -m pip download -vv --no-deps --dest "$work" "mesos.scheduler==$mesos_version" >"$work/pip.log" 2>&1 || true
address=$(grep -oE "Found link [a-z]+://[^ #]*/$archive" "$work/pip.log" | head -1 | cut -d' ' -f3) || true
[ -n "$address" ] || { tail -3 "$work/pip.log" >&2; fail "pip shows no address for $archive" "check that pip can reach its package index"; }
curl -fsSL --retry 3 -o "$work/archive.tgz" "$address" || fail "download of $archive" "check that curl can reach what pip can"
tar -xzf "$work/archive.tgz" --no-same-owner -C "$lib" --strip-components=8 ./usr/local/lib/python2.7/dist-packages/mesos/scheduler/_scheduler.so
verify "$mesos_library_sha256" "$lib/_scheduler.so"

say "mesos: building the starter"
nm -D --undefined-only "$lib/_scheduler.so" | awk '{print $2}' >"$work/imports"

# stub SONAME VERSIONS [EXTRA-NODE...]: a library with exactly the versioned symbols that the official one imports from
# a library that today's systems have no more.
stub() {
  local soname=$1 versions=$2 code=$work/$1.c map=$work/$1.map
  shift 2
  { echo '#include "stub.h"'; grep -E "@($versions)" "$work/imports" | sed 's/@.*//' | sort -u | sed 's/.*/STUB(&)/'; } >"$code"
  for version in $(grep -oE "@($versions).*" "$work/imports" | sed 's/.*@//' | sort -u); do
    echo "$version { global:"
    grep -E "@$version\$" "$work/imports" | sed 's/@.*/;/'
    echo "};"
  done >"$map"
  for version in "$@"; do # required, though no symbol of this library carries it
    grep -q "^$version " "$map" || echo "$version { };" >>"$map"
  done
  gcc -O1 -fPIC -shared -w -I"$source" -Wl,-soname,"$soname" -Wl,--version-script,"$map" -o "$lib/$soname" "$code" -ldl
}
# plain SONAME SYMBOLS: the same for libraries without symbol versions.
plain() {
  { echo '#include "stub.h"'; grep -E "^($2)" "$work/imports" | sed 's/.*/STUB(&)/'; } >"$work/$1.c"
  gcc -O1 -fPIC -shared -w -I"$source" -Wl,-soname,"$1" -o "$lib/$1" "$work/$1.c" -ldl
}
stub libcurl.so.4 'CURL_OPENSSL_3'
stub libssl.so.1.0.0 'OPENSSL_1' 'OPENSSL_1.0.2' # both share version names, so both carry all symbols
stub libcrypto.so.1.0.0 'OPENSSL_1' 'OPENSSL_1.0.2'
# Only a registry that stores differences would use these; nothing here does.
plain libsvn_delta-1.so.1 'svn_delta|svn_txdelta'
plain libsvn_subr-1.so.1 'svn_'
plain libapr-1.so.0 'apr_'

# shellcheck disable=SC2016
g++ -std=c++17 -O1 -Wall -Wextra -rdynamic -o "$bin/mesos-shim" "$source/shim.cpp" \
  -Wl,--no-as-needed -L"$lib" -l:libcurl.so.4 -l:libssl.so.1.0.0 -l:libcrypto.so.1.0.0 \
  -l:libsvn_delta-1.so.1 -l:libsvn_subr-1.so.1 -l:libapr-1.so.0 -Wl,-rpath,'$ORIGIN/../lib' -ldl -lpthread
for name in mesos-master mesos-agent mesos-containerizer; do
  ln -s mesos-shim "$bin/$name"
done

# Agents start it for every executor: the interpreter itself, without the detours of a version manager.
{ echo "#!$(python3 -c 'import sys; print(sys.executable)') -IS"; cat "$source/mesos-fetcher.py"; } >"$bin/mesos-fetcher"
chmod 755 "$bin/mesos-fetcher"
# Called by its own name it only loads the library and says how it wants to be called.
said=$("$bin/mesos-shim" 2>&1) || true
[[ $said == *"call me as"* ]] || { echo "$said" >&2; fail "the Mesos library does not load" "install the library that the line above names"; }
put_in_place "$work/mesos" mesos
