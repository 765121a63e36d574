#!/usr/bin/env bash
# In config.yaml a key that is written twice is refused. Written once with dots and once nested, it is not: the later one wins.
#
# Seen with Flink 1.20.5 and 2.3.0. `a.b` beside `a: {b: …}` are accepted silently as one option with two values, in either order.
# A null key (`~:`) is the option "null", while a null value refuses the whole file; so do keys that are numbers or booleans. A merge
# key (`<<`) of YAML is an option whose name has `<<` in it. One would expect the duplicate to be found after the keys are joined,
# and null to be treated alike on both sides.
. "$(dirname "$0")/lib/common.sh"
flinks 1 2
for home in "$flink_1" "$flink_2"; do
  name=$(basename "$home")
  expect "$name, a twice" "refused: YamlEngineException" "$(reads "$home" config.yaml 'a: 1\na: 2\n')"
  expect "$name, a.b and then a: {b}" "{a.b=2}" "$(reads "$home" config.yaml 'a.b: 1\na:\n  b: 2\n')"
  expect "$name, a: {b} and then a.b" "{a.b=1}" "$(reads "$home" config.yaml 'a:\n  b: 2\na.b: 1\n')"
  expect "$name, a null key" "{null=a}" "$(reads "$home" config.yaml '~: a\n')"
  expect "$name, a null key below another" "{a.null=b}" "$(reads "$home" config.yaml 'a:\n  ~: b\n')"
  expect "$name, a null value" "refused: NullPointerException" "$(reads "$home" config.yaml 'a: ~\n')"
  expect "$name, a number as key" "refused: ClassCastException" "$(reads "$home" config.yaml '1: a\n')"
  expect "$name, a merge key" "{b.p=1, d.<<.p=1}" "$(reads "$home" config.yaml 'b: &b {p: 1}\nd:\n  <<: *b\n')"
done
verdict
