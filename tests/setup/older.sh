#!/usr/bin/env bash
# Parts of older Flinks that ours is compared with, out of the package of jars. usage: older.sh upstream|oldest
#
# upstream: the last release with Mesos support of its own, whose overlays ours are compared with.
# oldest: the oldest release that we run, whose memory model ours is compared with.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case $1 in
  upstream) version=$upstream_version sha256=$upstream_sha256 ;;
  oldest) version=$oldest_version sha256=$oldest_sha256 ;;
  *) fail "there is no older Flink '$1'" "name upstream or oldest" ;;
esac
workshop
say "$1: downloading Flink $version (about 0.2 GB)"
package=apache-flink-libraries==$version
python3 -m pip download -q --no-deps --disable-pip-version-check "$package" -d "$work/package" >"$work/pip.log" 2>&1 ||
  { tail -5 "$work/pip.log" >&2; fail "downloading $package" "see the lines above; python3 needs pip and a way to its index"; }
verify "$sha256" "$work"/package/*
mkdir "$work/flink"
tar xzf "$work"/package/* -C "$work/flink" --strip-components=2 --no-same-owner --wildcards \
  '*/deps/bin/*' '*/deps/lib/flink-dist*.jar' '*/deps/lib/log4j-*.jar'
compgen -G "$work/flink/lib/flink-dist*-$version.jar" >/dev/null ||
  fail "$package holds no flink-dist" "choose another release in tests/setup/versions.sh"
put_in_place "$work/flink" "flink-$version"
