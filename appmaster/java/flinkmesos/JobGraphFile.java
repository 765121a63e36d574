package flinkmesos;

import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.jobgraph.JobVertex;
import org.apache.flink.runtime.jobgraph.SavepointRestoreSettings;
import org.apache.flink.streaming.api.graph.StreamConfig;
import org.apache.flink.util.SerializedValue;

/**
 * Reads a serialized job graph with the classes of this Flink, and everything in it that JobManager and TaskManagers will read.
 *
 * <p>Arguments: the file; to write a copy that starts from a savepoint, also the copy, the savepoint, and whether to skip state
 * that the job no longer has. The one line of standard output that begins with "flink-mesos" has the result, in fields separated by tabs.
 */
public final class JobGraphFile {
    private static final ClassLoader LOADER = JobGraphFile.class.getClassLoader();

    private JobGraphFile() {}

    public static void main(String[] arguments) {
        try {
            Object graph = read(arguments[0]);
            if (graph instanceof JobGraph) {
                checkParts((JobGraph) graph);
            }
            if (arguments.length > 1) {
                startFrom(graph, arguments[2], Boolean.parseBoolean(arguments[3]));
                write(graph, arguments[1]);
            }
            say("job", get(graph, "getJobID"), slots(graph), get(graph, "getName"));
        } catch (NotAGraph e) {
            say("problem", "not-a-graph", e.getMessage());
        } catch (Throwable e) {
            explain(e);
        }
    }

    private static Object read(String file) throws Exception {
        Object graph;
        try (InputStream bytes = Files.newInputStream(Paths.get(file)); ObjectInputStream in = new ObjectInputStream(bytes)) {
            graph = in.readObject();
        }
        for (Class<?> type : graph == null ? new Class<?>[0] : graph.getClass().getInterfaces()) {
            // Flink 2 takes stream graphs too; this is what both kinds have in common there.
            if (type.getName().equals("org.apache.flink.streaming.api.graph.ExecutionPlan")) {
                return graph;
            }
        }
        if (!(graph instanceof JobGraph)) {
            throw new NotAGraph("it holds " + (graph == null ? "null" : "a " + graph.getClass().getName()));
        }
        return graph;
    }

    /** Most classes that differ between versions, and all of the user's own, are in parts that are serialized on their own. */
    private static void checkParts(JobGraph graph) throws Exception {
        graph.getSerializedExecutionConfig().deserializeValue(LOADER);
        for (JobVertex vertex : graph.getVertices()) {
            for (SerializedValue<?> coordinator : vertex.getOperatorCoordinators()) {
                coordinator.deserializeValue(LOADER);
            }
            StreamConfig head = new StreamConfig(vertex.getConfiguration());
            Object ignored = head.getStreamOperatorFactory(LOADER);
            for (StreamConfig chained : head.getTransitiveChainedTaskConfigs(LOADER).values()) {
                ignored = chained.getStreamOperatorFactory(LOADER);
            }
        }
    }

    private static void startFrom(Object graph, String savepoint, boolean skipsState) throws Exception {
        SavepointRestoreSettings settings = SavepointRestoreSettings.forPath(savepoint, skipsState);
        graph.getClass().getMethod("setSavepointRestoreSettings", SavepointRestoreSettings.class).invoke(graph, settings);
    }

    private static void write(Object graph, String file) throws IOException {
        try (OutputStream bytes = Files.newOutputStream(Paths.get(file)); ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(graph);
        }
    }

    /** The slots that all tasks take at once, or 0 if the graph does not say. */
    private static int slots(Object graph) {
        if (!(graph instanceof JobGraph)) {
            return 0;
        }
        Map<Object, Integer> groups = new HashMap<>();
        for (JobVertex vertex : ((JobGraph) graph).getVertices()) {
            groups.merge(vertex.getSlotSharingGroup().getSlotSharingGroupId(), Math.max(vertex.getParallelism(), 1), Math::max);
        }
        return groups.values().stream().mapToInt(Integer::intValue).sum();
    }

    private static Object get(Object graph, String method) throws Exception {
        return graph.getClass().getMethod(method).invoke(graph);
    }

    private static void explain(Throwable thrown) {
        for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
            if (cause instanceof ClassNotFoundException && !cause.getMessage().startsWith("org.apache.flink.")) {
                say("problem", "missing-class", cause.getMessage());
                return;
            }
            if (cause instanceof java.io.StreamCorruptedException || cause instanceof java.io.EOFException) {
                say("problem", "not-a-graph", cause.toString());
                return;
            }
            if (cause instanceof ClassNotFoundException || cause instanceof java.io.ObjectStreamException) {
                say("problem", "other-version", cause.toString());
                return;
            }
        }
        // A field that this Flink has and the other one had not is null.
        boolean differs = thrown instanceof NullPointerException || thrown instanceof ClassCastException || thrown instanceof LinkageError;
        say("problem", differs ? "other-version" : "unreadable", thrown.toString());
    }

    private static void say(Object... fields) {
        StringBuilder line = new StringBuilder("flink-mesos");
        for (Object field : fields) {
            line.append('\t').append(String.valueOf(field).replaceAll("\\s+", " "));
        }
        System.out.println(line);
    }

    private static final class NotAGraph extends Exception {
        NotAGraph(String message) {
            super(message);
        }
    }
}
