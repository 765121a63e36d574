import com.netflix.fenzo.TaskAssignmentResult;
import com.netflix.fenzo.TaskRequest;
import com.netflix.fenzo.TaskScheduler;
import com.netflix.fenzo.VMAssignmentResult;
import com.netflix.fenzo.VirtualMachineLease;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.mesos.configuration.MesosOptions;
import org.apache.flink.mesos.runtime.clusterframework.LaunchableMesosWorker;
import org.apache.flink.mesos.runtime.clusterframework.MesosResourceManagerDriver;
import org.apache.flink.mesos.runtime.clusterframework.MesosTaskManagerParameters;
import org.apache.flink.mesos.scheduler.Offer;
import org.apache.flink.mesos.scheduler.TaskSchedulerBuilder;
import org.apache.flink.mesos.util.MesosArtifactResolver;
import org.apache.flink.mesos.util.MesosConfiguration;
import org.apache.flink.mesos.util.MesosResourceAllocation;
import org.apache.flink.runtime.clusterframework.ContainerSpecification;
import org.apache.mesos.Protos;

/**
 * As many offers as workers, from offers to launches, by the classes of Flink 1.13's Mesos support: its optimizer with the settings of
 * its launch coordinator, its leases and its workers. Prints the median milliseconds of one round in a warmed JVM.
 *
 * <p>usage: FenzoMatch SIZE WARM_SECONDS
 */
public final class FenzoMatch {
    private static final int ROUNDS = 15;

    private final int size;
    private final Configuration configuration = new Configuration();
    private final MesosTaskManagerParameters parameters;
    private final MesosConfiguration mesos;
    private final ContainerSpecification container;
    private final Constructor<?> worker = LaunchableMesosWorker.class.getDeclaredConstructors()[0];
    private final Method optimizer = MesosResourceManagerDriver.class.getDeclaredMethod("createOptimizer");

    private FenzoMatch(int size) throws ReflectiveOperationException {
        this.size = size;
        configuration.setString("mesos.master", "127.0.0.1:5050");
        configuration.setString("mesos.resourcemanager.tasks.cpus", "1");
        configuration.setString("taskmanager.memory.process.size", "1024m");
        configuration.setString("taskmanager.numberOfTaskSlots", "1");
        parameters = MesosTaskManagerParameters.create(configuration);
        container = ContainerSpecification.from(configuration);
        Protos.FrameworkInfo.Builder framework = Protos.FrameworkInfo.newBuilder().setUser("user").setName("name").setRole("*");
        mesos = new MesosConfiguration("127.0.0.1:5050", framework, scala.Option.empty());
        worker.setAccessible(true);
        optimizer.setAccessible(true);
    }

    public static void main(String[] arguments) throws Exception {
        FenzoMatch match = new FenzoMatch(Integer.parseInt(arguments[0]));
        long warm = System.nanoTime() + (long) (Double.parseDouble(arguments[1]) * 1e9);
        while (System.nanoTime() < warm) {
            match.round();
        }
        double[] times = new double[ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            times[i] = match.round();
        }
        Arrays.sort(times);
        System.out.println(String.format(Locale.ROOT, "%.3f", times[ROUNDS / 2]));
        System.exit(0);
    }

    /** Milliseconds from protobuf offers and known workers to every task's description. */
    private double round() throws ReflectiveOperationException {
        List<Protos.Offer> offers = new ArrayList<>();
        List<LaunchableMesosWorker> workers = new ArrayList<>();
        Map<String, LaunchableMesosWorker> byId = new HashMap<>();
        for (int i = 0; i < size; i++) {
            offers.add(offer(i));
            Protos.TaskID id = Protos.TaskID.newBuilder().setValue("taskmanager-" + i).build();
            MesosArtifactResolver nothing = path -> scala.Option.empty();
            LaunchableMesosWorker one =
                    (LaunchableMesosWorker) worker.newInstance(nothing, parameters, container, id, mesos);
            workers.add(one);
            byId.put(one.taskID().getValue(), one);
        }
        TaskScheduler scheduler = scheduler();
        try {
            long began = System.nanoTime();
            int placed = match(scheduler, offers, workers, byId);
            double time = (System.nanoTime() - began) / 1e6;
            if (placed != size) {
                throw new IllegalStateException(placed + " of " + size + " placed");
            }
            return time;
        } finally {
            scheduler.shutdown();
        }
    }

    private TaskScheduler scheduler() throws ReflectiveOperationException {
        TaskSchedulerBuilder builder = (TaskSchedulerBuilder) optimizer.invoke(null);
        return builder.withLeaseRejectAction(lease -> {})
                .withLeaseOfferExpirySecs(configuration.getLong(MesosOptions.UNUSED_OFFER_EXPIRATION) / 1000)
                .withRejectAllExpiredOffers()
                .build();
    }

    private static int match(
            TaskScheduler scheduler,
            List<Protos.Offer> offers,
            List<LaunchableMesosWorker> workers,
            Map<String, LaunchableMesosWorker> byId) {
        List<VirtualMachineLease> leases = new ArrayList<>();
        for (Protos.Offer offer : offers) {
            leases.add(new Offer(offer, null));
        }
        List<TaskRequest> requests = new ArrayList<>();
        for (LaunchableMesosWorker one : workers) {
            requests.add(one.taskRequest());
        }
        int placed = 0;
        for (Map.Entry<String, VMAssignmentResult> host :
                scheduler.scheduleOnce(requests, leases).getResultMap().entrySet()) {
            List<Protos.Resource> there = new ArrayList<>();
            for (VirtualMachineLease lease : host.getValue().getLeasesUsed()) {
                there.addAll(((Offer) lease).getResources());
            }
            Protos.SlaveID agent = host.getValue().getLeasesUsed().get(0).getOffer().getSlaveId();
            MesosResourceAllocation left = new MesosResourceAllocation(there);
            for (TaskAssignmentResult task : host.getValue().getTasksAssigned()) {
                LaunchableMesosWorker one = byId.get(task.getTaskId());
                one.launch(agent, left);
                scheduler.getTaskAssigner().call(one.taskRequest(), host.getKey());
                placed++;
            }
        }
        return placed;
    }

    private static Protos.Offer offer(int i) {
        Protos.Value.Range ports = Protos.Value.Range.newBuilder().setBegin(31000).setEnd(31999).build();
        return Protos.Offer.newBuilder()
                .setId(Protos.OfferID.newBuilder().setValue("offer-" + i))
                .setFrameworkId(Protos.FrameworkID.newBuilder().setValue("F"))
                .setSlaveId(Protos.SlaveID.newBuilder().setValue("agent-" + i))
                .setHostname("host-" + i)
                .addResources(scalar("cpus", 8))
                .addResources(scalar("mem", 32768))
                .addResources(scalar("disk", 100000))
                .addResources(resource("ports", Protos.Value.Type.RANGES)
                        .setRanges(Protos.Value.Ranges.newBuilder().addRange(ports)))
                .build();
    }

    private static Protos.Resource.Builder scalar(String name, double value) {
        return resource(name, Protos.Value.Type.SCALAR).setScalar(Protos.Value.Scalar.newBuilder().setValue(value));
    }

    private static Protos.Resource.Builder resource(String name, Protos.Value.Type type) {
        return Protos.Resource.newBuilder().setName(name).setRole("*").setType(type);
    }
}
