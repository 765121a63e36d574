#!/bin/sh
# Takes the place of the script of this name that Flink had up to 1.13: copied into bin of a Flink distribution, it runs one
# application of that distribution on a cluster of its own on Mesos. The arguments are the same, -Dkey=value, and those of
# Flink's standalone-job.sh. The job is no longer a serialised graph, which no Flink reads any more, but the jars in usrlib.
set -eu

if [ -z "${FLINK_HOME:-}" ]; then
  FLINK_HOME=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
  export FLINK_HOME
fi
exec flink-mesos application "$@"
