import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.FallbackKey;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.configuration.SecurityOptions;
import org.apache.flink.runtime.rpc.RpcSystem;
import org.apache.flink.util.NetUtils;

/**
 * Answers questions about Flink's own behaviour, one line each, so that one JVM serves a whole test run.
 *
 * <p>A request and an answer are fields between tabs; backslash, tab, line feed and carriage return inside a field are
 * written as \\, \t, \n, \r. An answer begins with "ok" or "error".
 */
public class FlinkOracle {
    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        System.setOut(System.err); // log appenders must not mix with answers
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] fields = line.split("\t", -1);
            for (int i = 0; i < fields.length; i++) {
                fields[i] = unescape(fields[i]);
            }
            List<String> answer = new ArrayList<>();
            try {
                answer.add("ok");
                answer.addAll(answer(fields[0], Arrays.asList(fields).subList(1, fields.length)));
            } catch (InvocationTargetException e) {
                answer = failure(e.getCause());
            } catch (Throwable t) {
                answer = failure(t);
            }
            StringBuilder text = new StringBuilder();
            for (String field : answer) {
                text.append(text.length() == 0 ? "" : "\t").append(escape(field));
            }
            out.println(text);
        }
        // An RPC system that did not start leaves threads behind.
        System.exit(0);
    }

    private static List<String> answer(String question, List<String> arguments) throws Throwable {
        switch (question) {
            case "taskmanager":
                return parameters("getTmResourceParams", arguments);
            case "jobmanager":
                return parameters("getJmResourceParams", arguments);
            case "load":
                return load(arguments.get(0));
            case "option":
                return option(arguments.get(0));
            case "ports":
                return List.of(String.valueOf(NetUtils.getPortRangeFromString(arguments.get(0)).hasNext()));
            case "rpc-starts":
            case "rpc-settings":
                // It removes its temporary files when it is closed.
                try (RpcSystem system = RpcSystem.load(new Configuration())) {
                    return question.equals("rpc-starts") ? rpcStarts(system, arguments) : rpcSettings(system, arguments);
                }
            case "sensitive":
                return List.of(String.valueOf(GlobalConfiguration.isSensitive(arguments.get(0))));
            case "tls":
                Configuration entries = configuration(arguments);
                return List.of(
                        String.valueOf(SecurityOptions.isInternalSSLEnabled(entries)),
                        String.valueOf(SecurityOptions.isRestSSLEnabled(entries)));
            case "get":
                forgetFile();
                return List.of(get(arguments.get(0), "k", configuration(List.of("k=" + arguments.get(1)))));
            case "read":
                String key = arguments.size() > 2 ? arguments.get(2) : "k";
                return List.of(get(arguments.get(1), key, GlobalConfiguration.loadConfiguration(arguments.get(0))));
            default:
                throw new IllegalArgumentException("unknown question " + question);
        }
    }

    /** Whether the RPC system of a process starts with each of these configurations, which are tried side by side. */
    private static List<String> rpcStarts(RpcSystem system, List<String> configurations) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(configurations.size());
        List<Callable<String>> starts = new ArrayList<>();
        for (String entries : configurations) {
            starts.add(() -> {
                try {
                    RpcSystem.RpcServiceBuilder builder =
                            system.remoteServiceBuilder(configuration(List.of(entries.split("&"))), "127.0.0.1", "0");
                    builder.withBindAddress("127.0.0.1").createAndStart().close();
                    return "accepted";
                } catch (Throwable t) {
                    return String.join(" <- ", failure(t));
                }
            });
        }
        List<String> answers = new ArrayList<>();
        for (Future<String> answer : threads.invokeAll(starts)) {
            answers.add(answer.get());
        }
        threads.shutdown();
        return answers;
    }

    /** What Pekko makes of each configuration that Flink writes for it, without the wait before a start fails. */
    private static List<String> rpcSettings(RpcSystem system, List<String> configurations) throws Exception {
        Field loaded = system.getClass().getDeclaredField("rpcSystem");
        loaded.setAccessible(true);
        ClassLoader loader = loaded.get(system).getClass().getClassLoader();
        Class<?> config = loader.loadClass("com.typesafe.config.Config");
        Class<?> address = loader.loadClass("org.apache.flink.runtime.rpc.pekko.HostAndPort");
        Method write = loader.loadClass("org.apache.flink.runtime.rpc.pekko.PekkoUtils")
                .getMethod("getConfig", Configuration.class, address);
        Object defaults = loader.loadClass("com.typesafe.config.ConfigFactory")
                .getMethod("defaultReference", ClassLoader.class)
                .invoke(null, loader);
        write.setAccessible(true);
        Method part = config.getMethod("getConfig", String.class);
        Method number = config.getMethod("getInt", String.class);
        Constructor<?> constructor = address.getDeclaredConstructor(String.class, int.class);
        constructor.setAccessible(true);
        Object here = constructor.newInstance("127.0.0.1", 0);
        List<String> answers = new ArrayList<>();
        for (String entries : configurations) {
            try {
                Object written = write.invoke(null, configuration(List.of(entries.split("&"))), here);
                Object all = config.getMethod("withFallback", loader.loadClass("com.typesafe.config.ConfigMergeable"))
                        .invoke(written, defaults);
                Object resolved = config.getMethod("resolve").invoke(all);
                loader.loadClass("org.apache.pekko.remote.RemoteSettings").getConstructor(config).newInstance(resolved);
                loader.loadClass("org.apache.pekko.remote.transport.netty.NettyTransportSettings")
                        .getConstructor(config)
                        .newInstance(part.invoke(resolved, "pekko.remote.classic.netty.tcp"));
                Object pool = part.invoke(resolved, "pekko.actor.default-dispatcher.fork-join-executor");
                Object size = loader.loadClass("org.apache.pekko.dispatch.ThreadPoolConfig")
                        .getMethod("scaledPoolSize", int.class, double.class, int.class)
                        .invoke(null, number.invoke(pool, "parallelism-min"),
                                config.getMethod("getDouble", String.class).invoke(pool, "parallelism-factor"),
                                number.invoke(pool, "parallelism-max"));
                new ForkJoinPool((Integer) size).shutdown();
                answers.add("accepted");
            } catch (InvocationTargetException e) {
                answers.add(String.join(" <- ", failure(e.getCause())));
            } catch (IllegalArgumentException e) {
                answers.add(String.join(" <- ", failure(e)));
            }
        }
        return answers;
    }

    /** The JVM flags and the dynamic options that Flink's scripts ask BashJavaUtils for. */
    @SuppressWarnings("unchecked")
    private static List<String> parameters(String method, List<String> entries) throws Throwable {
        Class<?> utils = Class.forName("org.apache.flink.runtime.util.bash.BashJavaUtils");
        Method call = utils.getDeclaredMethod(method, Configuration.class);
        call.setAccessible(true);
        return (List<String>) call.invoke(null, configuration(entries));
    }

    private static Configuration configuration(List<String> entries) {
        Configuration configuration = new Configuration();
        for (String entry : entries) {
            int equals = entry.indexOf('=');
            configuration.setString(entry.substring(0, equals), entry.substring(equals + 1));
        }
        return configuration;
    }

    /** All keys of a configuration folder, each before its value as text, sorted. */
    private static List<String> load(String directory) {
        Map<String, String> all = new TreeMap<>(GlobalConfiguration.loadConfiguration(directory).toMap());
        List<String> entries = new ArrayList<>();
        all.forEach((key, value) -> entries.addAll(List.of(key, value)));
        return entries;
    }

    /** Type or choices, default and deprecated names of an option; nothing when Flink has no such option. */
    private static List<String> option(String key) throws Exception {
        for (Class<?> options : optionClasses()) {
            for (Field field : options.getDeclaredFields()) {
                if (field.getType() != ConfigOption.class) {
                    continue;
                }
                field.setAccessible(true);
                ConfigOption<?> option = (ConfigOption<?>) field.get(null);
                if (option.key().equals(key)) {
                    Method type = ConfigOption.class.getDeclaredMethod("getClazz");
                    type.setAccessible(true);
                    List<String> answer = new ArrayList<>();
                    answer.add(type((Class<?>) type.invoke(option)));
                    answer.add(option.hasDefaultValue() ? text(option.defaultValue()) : "none");
                    for (FallbackKey fallback : option.fallbackKeys()) {
                        if (fallback.isDeprecated()) {
                            answer.add(fallback.getKey());
                        }
                    }
                    return answer;
                }
            }
        }
        return List.of();
    }

    /** Flink 1.18 has AkkaOptions, 2.0 and later have RpcOptions, those between have both. */
    private static List<Class<?>> optionClasses() throws ClassNotFoundException {
        List<Class<?>> classes = new ArrayList<>();
        for (String name : OPTION_CLASSES) {
            try {
                classes.add(Class.forName("org.apache.flink.configuration." + name));
            } catch (ClassNotFoundException e) {
                if (!name.equals("AkkaOptions") && !name.equals("RpcOptions")) {
                    throw e;
                }
            }
        }
        return classes;
    }

    private static String type(Class<?> type) {
        if (!type.isEnum()) {
            return type.getSimpleName();
        }
        return Arrays.stream(type.getEnumConstants()).map(Object::toString).collect(Collectors.joining("|"));
    }

    private static final List<String> OPTION_CLASSES = List.of(
            "TaskManagerOptions", "JobManagerOptions", "HighAvailabilityOptions", "SecurityOptions", "RestOptions",
            "ResourceManagerOptions", "CoreOptions", "ExternalResourceOptions", "NettyShuffleEnvironmentOptions",
            "ClusterOptions", "HeartbeatManagerOptions", "BlobServerOptions", "AlgorithmOptions", "WebOptions",
            "MetricOptions", "RpcOptions", "AkkaOptions", "CheckpointingOptions");

    /** Flink 1.20 remembers, for all configurations to come, that it has read a flink-conf.yaml. */
    private static void forgetFile() throws IllegalAccessException {
        for (Field field : GlobalConfiguration.class.getDeclaredFields()) {
            if (field.getName().equals("standardYaml")) {
                field.setAccessible(true);
                field.set(null, true);
            }
        }
    }

    /** The value of a key read as a typed option. */
    private static String get(String type, String name, Configuration configuration) {
        ConfigOptions.OptionBuilder key = ConfigOptions.key(name);
        ConfigOption<?> option;
        switch (type) {
            case "duration":
                option = key.durationType().noDefaultValue();
                break;
            case "memory":
                option = key.memoryType().noDefaultValue();
                break;
            case "boolean":
                option = key.booleanType().noDefaultValue();
                break;
            case "long":
                option = key.longType().noDefaultValue();
                break;
            case "int":
                option = key.intType().noDefaultValue();
                break;
            case "double":
                option = key.doubleType().noDefaultValue();
                break;
            case "float":
                option = key.floatType().noDefaultValue();
                break;
            case "list":
                option = key.stringType().asList().noDefaultValue();
                break;
            case "map":
                option = key.mapType().noDefaultValue();
                break;
            default:
                throw new IllegalArgumentException("unknown type " + type);
        }
        return text(configuration.get(option));
    }

    /** A value as exact text: durations in nanoseconds, sizes in bytes, doubles as their bits. */
    @SuppressWarnings("unchecked")
    private static String text(Object value) {
        if (value instanceof java.time.Duration) {
            java.time.Duration duration = (java.time.Duration) value;
            return BigInteger.valueOf(duration.getSeconds())
                    .multiply(BigInteger.valueOf(1_000_000_000))
                    .add(BigInteger.valueOf(duration.getNano()))
                    .toString();
        }
        if (value instanceof org.apache.flink.configuration.MemorySize) {
            return ((org.apache.flink.configuration.MemorySize) value).getBytes() + "";
        }
        if (value instanceof Double) {
            return Long.toUnsignedString(Double.doubleToLongBits((Double) value));
        }
        if (value instanceof List) {
            return String.join("\n", ((List<String>) value));
        }
        if (value instanceof Map) {
            List<String> entries = new ArrayList<>();
            new TreeMap<>((Map<String, String>) value).forEach((k, v) -> entries.add(k + "=" + v));
            return String.join("\n", entries);
        }
        return String.valueOf(value);
    }

    private static List<String> failure(Throwable t) {
        List<String> answer = new ArrayList<>(List.of("error"));
        for (Throwable cause = t; cause != null; cause = cause.getCause()) {
            answer.add(cause.getClass().getSimpleName() + ": " + cause.getMessage());
        }
        return answer;
    }

    private static String escape(String text) {
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r");
    }

    private static String unescape(String text) {
        StringBuilder plain = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c != '\\') {
                plain.append(c);
                continue;
            }
            i++;
            char escaped = text.charAt(i);
            plain.append(escaped == 't' ? '\t' : escaped == 'n' ? '\n' : escaped == 'r' ? '\r' : escaped);
        }
        return plain.toString();
    }
}
