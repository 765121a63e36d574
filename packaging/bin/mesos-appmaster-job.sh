#!/bin/sh
# Replaces the script of the same name that Flink had up to 1.13. Copy it into bin of a Flink distribution: it runs one
# job on a Mesos cluster of its own. The arguments are the same (-Dkey=value, with internal.jobgraph-path for a serialized
# job graph), plus those of `flink-mesos job`. Without a job graph, the job is an application in the jars of usrlib.
set -eu

if [ -z "${FLINK_HOME:-}" ]; then
  FLINK_HOME=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
  export FLINK_HOME
fi
exec flink-mesos job "$@"
