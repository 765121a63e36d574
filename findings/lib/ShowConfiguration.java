import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.GlobalConfiguration;

import java.util.List;
import java.util.TreeMap;

/** Prints on one line what Flink reads from a configuration folder: its keys and values, or as a list what one key holds. */
public class ShowConfiguration {
    public static void main(String[] args) {
        try {
            Configuration read = GlobalConfiguration.loadConfiguration(args[0]);
            if (args.length == 1) {
                System.out.println(new TreeMap<>(read.toMap()));
            } else {
                ConfigOption<List<String>> option = ConfigOptions.key(args[1]).stringType().asList().noDefaultValue();
                List<String> parts = read.get(option);
                System.out.println(parts.size() + " " + String.join(" | ", parts));
            }
        } catch (Throwable problem) {
            while (problem.getCause() != null) {
                problem = problem.getCause();
            }
            System.out.println("refused: " + problem.getClass().getSimpleName());
        }
    }
}
