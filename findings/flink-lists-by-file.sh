#!/usr/bin/env bash
# The same list option has one element or two, depending on the NAME of the file that it is in, with one and the same Flink.
#
# Seen with Flink 1.20.5, which reads both flink-conf.yaml and config.yaml: `[a, b]` in flink-conf.yaml is a list of the one
# element "[a, b]", in config.yaml it is a and b; `[a; b]` is "[a" and "b]" in flink-conf.yaml, and the one element "a; b" in
# config.yaml. `a;b` has two elements in both. A quote counts only at the start of an element: `'a;b';c` has two, `a'b;c'd` has two as
# well, `a;` has one and `a;;b` three. One would expect the migration of the file, which Flink's own
# script offers, to keep what an option means.
. "$(dirname "$0")/lib/common.sh"
flinks 1
one=$flink_1
expect "flink-conf.yaml, [a, b]" "1 [a, b]" "$(reads "$one" flink-conf.yaml 'k: [a, b]\n' k)"
expect "config.yaml, [a, b]" "2 a | b" "$(reads "$one" config.yaml 'k: [a, b]\n' k)"
for file in flink-conf.yaml config.yaml; do
  expect "$file, a;b" "2 a | b" "$(reads "$one" "$file" 'k: a;b\n' k)"
  expect "$file, a;" "1 a" "$(reads "$one" "$file" 'k: a;\n' k)"
  expect "$file, a;;b" "3 a |  | b" "$(reads "$one" "$file" 'k: a;;b\n' k)"
  expect "$file, a'b;c'd" "2 a'b | c'd" "$(reads "$one" "$file" "k: a'b;c'd\n" k)"
done
expect "flink-conf.yaml, [a; b]" "2 [a | b]" "$(reads "$one" flink-conf.yaml 'k: [a; b]\n' k)"
expect "config.yaml, [a; b]" "1 a; b" "$(reads "$one" config.yaml 'k: [a; b]\n' k)"
expect "flink-conf.yaml, 'a;b';c" "2 a;b | c" "$(reads "$one" flink-conf.yaml "k: 'a;b';c\n" k)"
verdict
