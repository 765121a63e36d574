import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * A job that ends as its one argument says: "finish", "fail", "never", or never and at full speed: "busy". Its own code runs on the TaskManagers.
 * "exit-3" ends the JVM with that code before there is a job, "finish-exit-3" after the job has finished; "halt-3" does so without shutdown hooks.
 * "hold-FILE" is a batch job: what its first four tasks have written is read by one that waits until the file is there.
 * "halt-3-once-FILE" halts the JobManager from the code of the running job, unless the file is there, and makes the file.
 */
public class Endings {
    public static class Work extends RichMapFunction<Long, Long> {
        private final String ending;

        public Work(String ending) {
            this.ending = ending;
        }

        @Override
        public Long map(Long number) throws IOException, InterruptedException {
            if (ending.equals("cached")) {
                Path cached = getRuntimeContext().getDistributedCache().getFile("cached").toPath();
                if (!new String(Files.readAllBytes(cached)).equals("cached\n")) {
                    throw new IllegalStateException("another file was cached");
                }
            }
            if (ending.equals("fail")) {
                throw new IllegalStateException("it was to fail");
            }
            if (ending.equals("never")) {
                Thread.sleep(100);
            }
            while (ending.startsWith("hold-") && !Files.exists(Path.of(ending.substring("hold-".length())))) {
                Thread.sleep(20);
            }
            return 2 * number;
        }
    }

    /** A sequence of numbers, counted out by code that runs in the JobManager. */
    public static class Numbers extends NumberSequenceSource {
        private final String ending;

        public Numbers(long last, String ending) {
            super(1, last);
            this.ending = ending;
        }

        @Override
        public SplitEnumerator<NumberSequenceSplit, Collection<NumberSequenceSplit>> createEnumerator(
                SplitEnumeratorContext<NumberSequenceSplit> context) {
            String[] parts = ending.split("-", 4);
            if (parts.length == 4 && parts[2].equals("once")) {
                try {
                    Files.createFile(Path.of(parts[3]));
                    end(parts[0] + "-" + parts[1]);
                } catch (FileAlreadyExistsException e) {
                    // It has halted before.
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
            return super.createEnumerator(context);
        }
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 1) {
            throw new IllegalArgumentException("usage: Endings finish|fail|never|busy|hold-FILE|exit-N|finish-exit-N|halt-N|halt-N-once-FILE, not " + String.join("|", arguments));
        }
        String ending = arguments[0];
        if (ending.matches("(exit|halt)-[0-9]+")) {
            System.err.println("giving up: no input");
            end(ending);
        }
        environment(ending).execute("endings");
        if (ending.startsWith("finish-")) {
            end(ending.substring("finish-".length()));
        }
    }

    static StreamExecutionEnvironment environment(String ending) {
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
        if (ending.startsWith("hold-")) {
            return held(environment, ending);
        }
        boolean isEndless = ending.equals("never") || ending.equals("busy");
        Numbers numbers = new Numbers(isEndless ? Long.MAX_VALUE - 1 : 3, ending);
        environment.fromSource(numbers, WatermarkStrategy.noWatermarks(), "numbers").map(new Work(ending)).returns(Long.class).print();
        return environment;
    }

    private static StreamExecutionEnvironment held(StreamExecutionEnvironment environment, String ending) {
        environment.setRuntimeMode(RuntimeExecutionMode.BATCH);
        environment.fromSource(new Numbers(1000, ending), WatermarkStrategy.noWatermarks(), "numbers").setParallelism(4)
                .global().map(new Work(ending)).returns(Long.class).name("wait").setParallelism(1).print().setParallelism(1);
        return environment;
    }

    private static void end(String how) {
        int code = Integer.parseInt(how.substring(how.indexOf('-') + 1));
        if (how.startsWith("halt-")) {
            Runtime.getRuntime().halt(code);
        }
        System.exit(code);
    }
}
