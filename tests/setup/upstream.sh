#!/usr/bin/env bash
# Parts of the last Flink with Mesos support of its own, whose overlays ours are compared with, out of the package of jars.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

workshop
say "upstream: downloading Flink $upstream_version (about 0.2 GB)"
package=apache-flink-libraries==$upstream_version
python3 -m pip download -q --no-deps --disable-pip-version-check "$package" -d "$work/package" >"$work/pip.log" 2>&1 ||
  { tail -5 "$work/pip.log" >&2; fail "downloading $package" "see the lines above; python3 needs pip and a way to its index"; }
verify "$upstream_sha256" "$work"/package/*
mkdir "$work/flink"
tar xzf "$work"/package/* -C "$work/flink" --strip-components=2 --no-same-owner --wildcards \
  '*/deps/bin/*' '*/deps/lib/flink-dist*.jar' '*/deps/lib/log4j-*.jar'
compgen -G "$work/flink/lib/flink-dist*-$upstream_version.jar" >/dev/null ||
  fail "$package holds no flink-dist" "choose another release in tests/setup/versions.sh"
put_in_place "$work/flink" "flink-$upstream_version"
