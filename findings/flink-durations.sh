#!/usr/bin/env bash
# An ISO duration such as `PT5M` is legal for Flink 2.3 and refused by 1.20; "5 MS" is milliseconds, not minutes.
#
# Seen with Flink 1.20.5 and 2.3.0. Both read `5 MINUTES` and `5 M`, in any case, as minutes and `5 MS` as milliseconds. Neither accepts
# `1min30s`, `1.5 min` or weeks. A bare number is milliseconds. The micro sign of µs must be U+00B5: the Greek letter that looks the same
# is refused. 2.3 accepts more than 64 bits of nanoseconds, 1.20 does not. One would expect a file for 2.3 to be readable
# by 1.20 when its options exist there.
. "$(dirname "$0")/lib/common.sh"
flinks 1 2
cat >"$work/Duration.java" <<'JAVA'
import org.apache.flink.util.TimeUtils;

public class Duration {
    public static void main(String[] texts) {
        for (String text : texts) {
            try {
                System.out.println(TimeUtils.parseDuration(text));
            } catch (IllegalArgumentException refusal) {
                System.out.println("refused");
            }
        }
    }
}
JAVA
texts=(PT5M P1D '5 MINUTES' '5 MS' '5 M' 1000 1min30s '1.5 min' '1 w' $'1\u00b5s' $'1\u03bcs' '9223372036854775808 ns')
first=(refused refused PT5M PT0.005S PT5M PT1S refused refused refused PT0.000001S refused refused)
second=(PT5M PT24H PT5M PT0.005S PT5M PT1S refused refused refused PT0.000001S refused PT2562047H47M16.854775808S)
javac -d "$work/classes" -cp "$flink_1/lib/*" "$work/Duration.java"
read_by() { java -Dlog.file=/dev/null -Dfile.encoding=UTF-8 -Dsun.jnu.encoding=UTF-8 -cp "$1/lib/*:$work/classes" Duration "${texts[@]}"; }
export LC_ALL=C.UTF-8
mapfile -t in_1 < <(read_by "$flink_1")
mapfile -t in_2 < <(read_by "$flink_2")
for i in "${!texts[@]}"; do
  expect "$(basename "$flink_1"), ${texts[i]}" "${first[i]}" "${in_1[i]}"
  expect "$(basename "$flink_2"), ${texts[i]}" "${second[i]}" "${in_2[i]}"
done
verdict
