#!/bin/sh
# Replaces the script of the same name that Flink had up to 1.13. Copy it into bin of a Flink distribution: it becomes a
# TaskManager of that distribution, with JVM_ARGS, env.java.opts.all and env.java.opts.taskmanager. The arguments are the
# same: -Dkey=value and -D key=value. flink-mesos does not need this script: its executor starts TaskManagers itself.
set -eu

home=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
exec "$home/bin/taskmanager.sh" start-foreground "$@"
