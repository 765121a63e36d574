#!/bin/sh
# Takes the place of the script of this name that Flink had up to 1.13: copied into bin of a Flink distribution, it brings up a
# session cluster of that distribution on Mesos. The arguments are the same: -Dkey=value.
set -eu

if [ -z "${FLINK_HOME:-}" ]; then
  FLINK_HOME=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
  export FLINK_HOME
fi
exec flink-mesos session "$@"
