#!/usr/bin/env bash
# The jobs of tests/jobs, compiled against each Flink line: jobs/<name>-<version>.jar, and job graphs made by its API:
# jobs/<ending>-<version>.graph
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

workshop
mkdir "$work/jobs"
echo cached >"$work/jobs/cached.txt"
for version in "$oldest_version" "$flink_1_version" "$flink_2_version"; do
  home=$cache/flink-$version
  [ -d "$home/lib" ] || fail "Flink $version is not there" "run: tests/setup/setup oldest flink-1 flink-2 jobs"
  for class in WordCount Endings; do
    mkdir "$work/classes"
    javac -d "$work/classes" -cp "$home/lib/*" "$here/../jobs/$class.java"
    jar --create --file "$work/jobs/${class,,}-$version.jar" --main-class "$class" -C "$work/classes" .
    rm -r "$work/classes"
  done
  mkdir "$work/classes"
  javac -d "$work/classes" -cp "$home/lib/*" "$here"/../jobs/{Endings,Graphs}.java
  java -Dlog4j2.level=OFF -cp "$work/classes:$home/lib/*" --add-opens java.base/java.util=ALL-UNNAMED \
    Graphs "$work/jobs/" "-$version.graph" "$cache/jobs/endings-$version.jar" "$cache/jobs/cached.txt" finish fail never cached
  rm -r "$work/classes"
done
put_in_place "$work/jobs" jobs
