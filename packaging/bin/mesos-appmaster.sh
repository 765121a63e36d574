#!/bin/sh
# Replaces the script of the same name that Flink had up to 1.13. Copy it into bin of a Flink distribution: it starts a session
# cluster of that distribution on Mesos. The arguments are the same: -Dkey=value.
set -eu

if [ -z "${FLINK_HOME:-}" ]; then
  FLINK_HOME=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
  export FLINK_HOME
fi
exec flink-mesos session "$@"
