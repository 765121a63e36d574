import java.io.File;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.fs.Path;
import org.apache.flink.mesos.util.MesosArtifactServerImpl;

/** The artifact server of Flink 1.13's Mesos support with one file. Prints the file's URL, and runs until it is killed. */
public class UpstreamServer {
    public static void main(String[] arguments) throws Exception {
        MesosArtifactServerImpl server = new MesosArtifactServerImpl("bench", "127.0.0.1", 0, new Configuration());
        Path file = new Path(new File(arguments[0]).toURI());
        System.out.println(server.addPath(file, new Path("file")));
        System.out.flush();
        Thread.currentThread().join();
    }
}
