#!/usr/bin/env bash
# A table over a text file with the format 'raw' has as many rows as the file has lines, but each is the last line.
#
# Seen with Flink 1.18.1, in batch and in streaming mode: a file with the lines a, b, c is read as c, c, c, without a warning. The source
# collects rows in batches, and the format hands out one row object that it fills again for each line. So a file that is larger
# than a batch is read as the last line of each batch, several times. Flink 1.20.5 reads a, b, c, and so do both with the format 'csv'. One would
# expect the simplest of formats to return what is in the file.
. "$(dirname "$0")/lib/common.sh"
parts oldest flink-1
cat >"$work/Lines.java" <<'JAVA'
import java.util.StringJoiner;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/** usage: Lines batch|streaming FORMAT FILE: the rows of a table with one column over the file. */
public class Lines {
    public static void main(String[] args) throws Exception {
        EnvironmentSettings.Builder settings = EnvironmentSettings.newInstance();
        TableEnvironment table = TableEnvironment.create((args[0].equals("batch") ? settings.inBatchMode() : settings.inStreamingMode()).build());
        table.getConfig().set("parallelism.default", "1");
        table.executeSql("CREATE TEMPORARY TABLE text (line STRING) WITH ('connector' = 'filesystem', 'format' = '" + args[1] + "', 'path' = 'file://" + args[2] + "')");
        StringJoiner seen = new StringJoiner(" ");
        try (CloseableIterator<Row> rows = table.executeSql("SELECT line FROM text").collect()) {
            rows.forEachRemaining(row -> seen.add(row.getField(0).toString()));
        }
        System.out.println(seen);
    }
}
JAVA
printf 'a\nb\nc\n' >"$work/lines"
opens=(--add-opens=java.base/java.util=ALL-UNNAMED --add-opens=java.base/java.lang=ALL-UNNAMED)

# rows VERSION batch|streaming FORMAT: the rows that this Flink reads.
rows() {
  local home=$packages/flink-$1 classes=$work/classes-$1
  [ -d "$classes" ] || javac -d "$classes" -cp "$home/lib/*" "$work/Lines.java"
  java "${opens[@]}" -XX:TieredStopAtLevel=1 -Dlog4j2.level=OFF -cp "$home/lib/*:$classes" Lines "$2" "$3" "$work/lines" 2>>"$work/java.err" | tail -1
}

for mode in batch streaming; do
  expect "Flink $oldest_version, $mode, raw" "c c c" "$(rows "$oldest_version" "$mode" raw)"
  expect "Flink $oldest_version, $mode, csv" "a b c" "$(rows "$oldest_version" "$mode" csv)"
  expect "Flink $flink_1_version, $mode, raw" "a b c" "$(rows "$flink_1_version" "$mode" raw)"
done
verdict
