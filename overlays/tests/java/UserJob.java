import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** A job whose own code runs on the TaskManager. It insists on its arguments. */
public class UserJob {
    public static class Twice implements MapFunction<Long, Long> {
        @Override
        public Long map(Long number) {
            return 2 * number;
        }
    }

    public static void main(String[] arguments) throws Exception {
        if (!java.util.List.of("--host", "a b").equals(java.util.List.of(arguments))) {
            throw new IllegalArgumentException(String.join("|", arguments));
        }
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
        environment.fromSequence(1, 3).map(new Twice()).returns(Long.class).print();
        environment.execute("twice");
    }
}
