import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.clusterframework.ContainerSpecification;
import org.apache.flink.runtime.clusterframework.overlays.ContainerOverlay;
import org.apache.flink.runtime.clusterframework.overlays.FlinkDistributionOverlay;
import org.apache.flink.runtime.clusterframework.overlays.HadoopConfOverlay;
import org.apache.flink.runtime.clusterframework.overlays.KeytabOverlay;
import org.apache.flink.runtime.clusterframework.overlays.Krb5ConfOverlay;
import org.apache.flink.runtime.clusterframework.overlays.SSLStoreOverlay;
import org.apache.flink.runtime.clusterframework.overlays.UserLibOverlay;
import org.apache.flink.runtime.entrypoint.ClusterEntrypointUtils;

/**
 * Runs the overlays of Flink 1.13 for each line of keys and values, in the environment that this JVM was started in. The
 * overlay of Hadoop's user is left out: it alone needs Hadoop.
 *
 * <p>Fields are between tabs and hold none; an answer is "ok" and then kind, name and values, or "error" and a message.
 */
public class UpstreamOverlays {
    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        System.setOut(System.err);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] fields = line.split("\t", -1);
            Configuration configuration = new Configuration();
            for (int i = 1; i + 1 < fields.length; i += 2) {
                configuration.setString(fields[i], fields[i + 1]);
            }
            List<String> answer = new ArrayList<>();
            try {
                answer.add("ok");
                describe(collect(configuration), answer);
            } catch (Throwable t) {
                answer = List.of("error", t.toString());
            }
            out.println(String.join("\t", answer));
        }
    }

    private static ContainerSpecification collect(Configuration configuration) throws Exception {
        File userLib = ClusterEntrypointUtils.tryFindUserLibDirectory().orElse(null);
        ContainerOverlay[] overlays = {
            FlinkDistributionOverlay.newBuilder().fromEnvironment(configuration).build(),
            UserLibOverlay.newBuilder().setUsrLibDirectory(userLib).build(),
            HadoopConfOverlay.newBuilder().fromEnvironment(configuration).build(),
            KeytabOverlay.newBuilder().fromEnvironment(configuration).build(),
            Krb5ConfOverlay.newBuilder().fromEnvironmentOrConfiguration(configuration).build(),
            SSLStoreOverlay.newBuilder().fromEnvironment(configuration).build(),
        };
        ContainerSpecification specification = ContainerSpecification.from(configuration);
        for (ContainerOverlay overlay : overlays) {
            overlay.configure(specification);
        }
        return specification;
    }

    private static void describe(ContainerSpecification specification, List<String> answer) {
        for (ContainerSpecification.Artifact artifact : specification.getArtifacts()) {
            String flags = (artifact.executable ? "x" : "-") + (artifact.cachable ? "-" : "s");
            answer.addAll(List.of("artifact", artifact.dest.toString(), artifact.source.getPath(), flags));
        }
        specification.getEnvironmentVariables().forEach((k, v) -> answer.addAll(List.of("environment", k, v, "")));
        specification.getFlinkConfiguration().toMap().forEach((k, v) -> answer.addAll(List.of("configuration", k, v, "")));
        specification.getSystemProperties().toMap().forEach((k, v) -> answer.addAll(List.of("property", k, v, "")));
    }
}
