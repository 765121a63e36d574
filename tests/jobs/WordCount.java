import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

/** Prints the ten most frequent words of a text as a table. Its one argument is the path, which all processes of the cluster must see. */
public class WordCount {
    public static void main(String[] args) {
        if (args.length != 1) {
            System.err.println("usage: WordCount /path/of/a/text");
            System.exit(64);
        }
        TableEnvironment table = TableEnvironment.create(EnvironmentSettings.inBatchMode());
        table.executeSql(
                "CREATE TEMPORARY TABLE text (line STRING) WITH ('connector' = 'filesystem', 'format' = 'raw', 'path' = 'file://"
                        + args[0].replace("'", "''")
                        + "')");
        table.executeSql(
                        "SELECT word, COUNT(*) AS occurrences FROM ("
                                + "  SELECT LOWER(word) AS word FROM text"
                                + "  CROSS JOIN UNNEST(SPLIT(REGEXP_REPLACE(line, '[^A-Za-z]+', ' '), ' ')) AS t (word)"
                                + ") WHERE word <> '' GROUP BY word ORDER BY occurrences DESC, word LIMIT 10")
                .print();
    }
}
