import java.io.ObjectOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Writes the job graphs of {@link Endings}: Graphs PREFIX SUFFIX JAR CACHED ENDING... makes PREFIX, ending, SUFFIX. The graph with the ending
 * "cached" names the jar of its classes and a file that its code reads.
 */
public class Graphs {
    public static void main(String[] arguments) throws Exception {
        for (int at = 4; at < arguments.length; at++) {
            String ending = arguments[at];
            StreamExecutionEnvironment environment = Endings.environment(ending);
            if (ending.equals("cached")) {
                environment.registerCachedFile("file://" + arguments[3], "cached");
            }
            JobGraph graph = environment.getStreamGraph().getJobGraph();
            if (ending.equals("cached")) {
                graph.addJar(new org.apache.flink.core.fs.Path("file://" + arguments[2]));
            }
            try (ObjectOutputStream out = new ObjectOutputStream(Files.newOutputStream(Path.of(arguments[0] + ending + arguments[1])))) {
                out.writeObject(graph);
            }
        }
    }
}
