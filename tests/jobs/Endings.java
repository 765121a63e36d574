import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * A job that ends as its one argument says: "finish", "fail", "never", or never and at full speed: "busy". Its own code runs on the TaskManagers.
 * "exit-3" ends the JVM with that code before there is a job, "finish-exit-3" after the job has finished.
 */
public class Endings {
    public static class Work implements MapFunction<Long, Long> {
        private final String ending;

        public Work(String ending) {
            this.ending = ending;
        }

        @Override
        public Long map(Long number) throws InterruptedException {
            if (ending.equals("fail")) {
                throw new IllegalStateException("it was to fail");
            }
            if (ending.equals("never")) {
                Thread.sleep(100);
            }
            return 2 * number;
        }
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 1) {
            throw new IllegalArgumentException("usage: Endings finish|fail|never|busy|exit-N|finish-exit-N, not " + String.join("|", arguments));
        }
        if (arguments[0].startsWith("exit-")) {
            System.err.println("giving up: no input");
            exit(arguments[0]);
        }
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
        boolean isEndless = arguments[0].equals("never") || arguments[0].equals("busy");
        long last = isEndless ? Long.MAX_VALUE - 1 : 3;
        environment.fromSequence(1, last).map(new Work(arguments[0])).returns(Long.class).print();
        environment.execute("endings");
        if (arguments[0].startsWith("finish-exit-")) {
            exit(arguments[0]);
        }
    }

    private static void exit(String ending) {
        System.exit(Integer.parseInt(ending.substring(ending.lastIndexOf('-') + 1)));
    }
}
