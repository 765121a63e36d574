#!/usr/bin/env bash
# One apostrophe in env.java.opts.all, and Flink's scripts start the process without ANY of these options, and without an error.
#
# Seen with Flink 1.20.5 and 2.3.0. bin/config.sh has a shell evaluate the value once (`eval echo`), and then splits it at blanks. So
# quotes vanish but protect no blank: `-Da='b c'` becomes `-Da=b` and `c`, which java takes for the main class. Where the evaluation
# fails (`-Da=it's`, a parenthesis), the result is empty and the script goes on. One would expect quotes to work or to be kept, and a
# value that cannot be evaluated to stop the start.
. "$(dirname "$0")/lib/common.sh"
flinks 1 2

# A java that shows its arguments if it is to run the JobManager; the scripts' own helpers run in the real one.
mkdir -p "$work/jdk/bin"
cat >"$work/jdk/bin/java" <<JAVA
#!/usr/bin/env bash
case "\$*" in
  *StandaloneSessionClusterEntrypoint*) printf '%s\n' "\$@" >"$work/arguments" ;;
  *) exec "$(command -v java)" "\$@" ;;
esac
JAVA
chmod +x "$work/jdk/bin/java"

# arguments HOME VALUE: those of java that begin with -Da, -Dx or are what is left of the value.
arguments() {
  local conf
  conf=$(mktemp -d "$work/conf-XXXXXX")
  cp "$1"/conf/log4j* "$conf"
  { grep -v '^env:' "$1/conf/config.yaml" | grep -Ev '^( +java:| +opts:| +all:)'; printf 'env.java.opts.all: %s\n' "$2"; } >"$conf/config.yaml"
  rm -f "$work/arguments"
  JAVA_HOME=$work/jdk FLINK_CONF_DIR=$conf FLINK_LOG_DIR=$work/log "$1/bin/jobmanager.sh" start-foreground >"$work/out" 2>&1 || true
  grep -E '^(-D[ax]=|"|c$)' "$work/arguments" | paste -sd' '
}

for home in "$flink_1" "$flink_2"; do
  name=$(basename "$home")
  expect "$name, -Da=1 -Dx=1" "-Da=1 -Dx=1" "$(arguments "$home" '-Da=1 -Dx=1')"
  expect "$name, -Da='b c' -Dx=1 (three arguments)" "-Da=b c -Dx=1" "$(arguments "$home" "-Da='b c' -Dx=1")"
  expect "$name, -Da=it's -Dx=1" "" "$(arguments "$home" "-Da=it's -Dx=1")"
  expect "$name, -Da=(b) -Dx=1" "" "$(arguments "$home" "-Da=(b) -Dx=1")"
  grep -q StandaloneSession "$work/arguments" && expect "$name, the start goes on" yes yes
done
verdict
