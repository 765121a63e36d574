import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.functions.TableFunction;

/** Prints the ten most frequent words of a text as a table. Its one argument is the path, which all processes of the cluster must see. */
public class WordCount {
    /** The words of a line. Flink before 1.20 has no SPLIT in SQL. */
    public static class Words extends TableFunction<String> {
        public void eval(String line) {
            if (line == null) {
                return;
            }
            for (String word : line.toLowerCase().split("[^a-z]+")) {
                collect(word);
            }
        }
    }

    public static void main(String[] args) {
        if (args.length != 1) {
            System.err.println("usage: WordCount /path/of/a/text");
            System.exit(64);
        }
        TableEnvironment table = TableEnvironment.create(EnvironmentSettings.inBatchMode());
        table.createTemporarySystemFunction("WORDS", Words.class);
        table.executeSql(
                "CREATE TEMPORARY TABLE text (line STRING) WITH ('connector' = 'filesystem', 'path' = 'file://"
                        + args[0].replace("'", "''")
                        // Lines, whatever is in them. With the format 'raw', Flink 1.18 repeats the last line of each batch.
                        + "', 'format' = 'csv', 'csv.field-delimiter' = '\\u0001', 'csv.disable-quote-character' = 'true')");
        table.executeSql(
                        "SELECT word, COUNT(*) AS occurrences FROM text, LATERAL TABLE(WORDS(line)) AS t (word)"
                                + " WHERE word <> '' GROUP BY word ORDER BY occurrences DESC, word LIMIT 10")
                .print();
    }
}
