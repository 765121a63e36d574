#!/usr/bin/env bash
# nginx, which the benchmarks of the fetcher measure themselves against: unpacked into the cache, so that no service starts.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PATH=$PATH:/usr/sbin:$cache/nginx/usr/sbin command -v nginx >/dev/null && exit 0
command -v apt-get >/dev/null || fail "there is no nginx" "install it; there is no apt-get to do it"
workshop
say "bench: fetching nginx"
(cd "$work" && apt-get download nginx >apt.log 2>&1) ||
  { tail -5 "$work/apt.log" >&2; fail "apt-get download nginx" "run apt-get update as root, or install nginx"; }
dpkg-deb -x "$work"/nginx_*.deb "$work/nginx"
"$work/nginx/usr/sbin/nginx" -v >"$work/said.log" 2>&1 || { cat "$work/said.log" >&2; fail "nginx does not start" "install nginx"; }
put_in_place "$work/nginx" nginx
