package flinkmesos;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.cache.DistributedCache.DistributedCacheEntry;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.jobgraph.JobVertex;
import org.apache.flink.runtime.jobgraph.SavepointRestoreSettings;
import org.apache.flink.streaming.api.graph.StreamConfig;
import org.apache.flink.util.SerializedValue;

/**
 * Reads a serialized job graph with the classes of this Flink, and everything in it that JobManager and TaskManagers will read.
 *
 * <p>Arguments: the file; to write a copy that starts from a savepoint, also the copy, the savepoint, and whether to skip state
 * that the job no longer has. The lines of standard output that begin with "flink-mesos" have the result, in fields separated by tabs: the jars and
 * other files on this machine that the graph names, and the job; or a problem.
 */
public final class JobGraphFile {
    private JobGraphFile() {}

    public static void main(String[] arguments) {
        try {
            Object graph = read(arguments[0]);
            List<URL> jars = sayFiles(graph);
            if (graph instanceof JobGraph) {
                checkParts((JobGraph) graph, new URLClassLoader(jars.toArray(new URL[0]), JobGraphFile.class.getClassLoader()));
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

    /** Says which files the client of Flink would upload, and returns the jars among them. */
    private static List<URL> sayFiles(Object graph) throws Exception {
        List<URL> jars = new ArrayList<>();
        for (Object jar : (Iterable<?>) get(graph, "getUserJars")) {
            URI uri = ((Path) jar).toUri();
            if (isHere(uri)) {
                jars.add(new File(uri.getPath()).toURI().toURL());
                say("jar", uri.getPath());
            }
        }
        for (Map.Entry<?, ?> artifact : ((Map<?, ?>) get(graph, "getUserArtifacts")).entrySet()) {
            URI uri = new Path(((DistributedCacheEntry) artifact.getValue()).filePath).toUri();
            if (isHere(uri)) {
                say("artifact", artifact.getKey(), uri.getPath());
            }
        }
        return jars;
    }

    private static boolean isHere(URI uri) {
        return uri.getScheme() == null || uri.getScheme().equals("file");
    }

    /** Most classes that differ between versions, and all of the user's own, are in parts that are serialized on their own. */
    private static void checkParts(JobGraph graph, ClassLoader loader) throws Exception {
        graph.getSerializedExecutionConfig().deserializeValue(loader);
        for (JobVertex vertex : graph.getVertices()) {
            for (SerializedValue<?> coordinator : vertex.getOperatorCoordinators()) {
                coordinator.deserializeValue(loader);
            }
            StreamConfig head = new StreamConfig(vertex.getConfiguration());
            Object ignored = head.getStreamOperatorFactory(loader);
            for (StreamConfig chained : head.getTransitiveChainedTaskConfigs(loader).values()) {
                ignored = chained.getStreamOperatorFactory(loader);
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
            line.append('\t').append(String.valueOf(field).replaceAll("[\\t\\r\\n]+", " "));
        }
        System.out.println(line);
    }

    private static final class NotAGraph extends Exception {
        NotAGraph(String message) {
            super(message);
        }
    }
}
