#!/bin/sh
# Replaces the script of the same name that Flink had up to 1.13. Copy it into bin of a Flink distribution: it runs one
# application of that distribution on a Mesos cluster of its own. The arguments are the same (-Dkey=value), plus those of
# Flink's standalone-job.sh. The job comes from the jars in usrlib: Flink has read no serialised job graphs since 1.15.
set -eu

if [ -z "${FLINK_HOME:-}" ]; then
  FLINK_HOME=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
  export FLINK_HOME
fi
exec flink-mesos application "$@"
