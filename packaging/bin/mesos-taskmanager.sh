#!/bin/sh
# Takes the place of the script of this name that Flink had up to 1.13: copied into bin of a Flink distribution, it becomes a
# TaskManager of that distribution, with JVM_ARGS, env.java.opts.all and env.java.opts.taskmanager. The arguments are the
# same: -Dkey=value and -D key=value. flink-mesos needs no such script: its executor starts TaskManagers itself.
set -eu

home=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
exec "$home/bin/taskmanager.sh" start-foreground "$@"
