#!/usr/bin/env bash
# Flink 1.13.6, the last release with Mesos support of its own: one jar, whose overlays ours are compared with.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

workshop
say "upstream: downloading Flink $upstream_version (about 0.2 GB)"
python3 -m pip download -q --no-deps --disable-pip-version-check "apache-flink-libraries==$upstream_version" -d "$work/package" \
  >"$work/pip.log" 2>&1 ||
  { tail -5 "$work/pip.log" >&2; fail "downloading apache-flink-libraries $upstream_version" "see the lines above; python3 needs pip and a way to its index"; }
verify "$upstream_sha256" "$work"/package/*
mkdir "$work/flink"
tar xzf "$work"/package/* -C "$work/flink" --strip-components=2 --no-same-owner --wildcards \
  '*/deps/lib/flink-dist_*.jar' '*/deps/lib/log4j-*.jar'
[ -e "$work/flink/lib/flink-dist_2.12-$upstream_version.jar" ] ||
  fail "the package of Flink $upstream_version holds no flink-dist" "choose another release in tests/setup/versions.sh"
put_in_place "$work/flink" "flink-$upstream_version"
