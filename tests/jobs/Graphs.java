import java.io.ObjectOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes the job graphs of {@link Endings}: Graphs PREFIX SUFFIX ENDING... makes PREFIX, ending, SUFFIX. */
public class Graphs {
    public static void main(String[] arguments) throws Exception {
        for (int at = 2; at < arguments.length; at++) {
            Path file = Path.of(arguments[0] + arguments[at] + arguments[1]);
            try (ObjectOutputStream out = new ObjectOutputStream(Files.newOutputStream(file))) {
                out.writeObject(Endings.environment(arguments[at]).getStreamGraph().getJobGraph());
            }
        }
    }
}
