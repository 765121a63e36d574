//! The client for Flink's REST interface, against JobManagers without Mesos.

use std::{path::Path, time::Duration};

use tests::{
    Ended, FlinkRest, Keeper, Line, Overview, Program, ReservedPort, flink_home, wait_until,
};

const PATIENCE: Duration = Duration::from_secs(90);

/// A JobManager and a TaskManager, started by Flink's own scripts.
fn programs(line: Line, folder: &Path, rest: u16) -> [Program; 2] {
    let home = flink_home(line);
    for file in ["log4j-console.properties", "logback-console.xml"] {
        fs_err::copy(home.join("conf").join(file), folder.join(file)).unwrap();
    }
    let rpc = ReservedPort::new();
    let configuration = format!(
        "rest.port: {rest}\nrest.address: 127.0.0.1\njobmanager.rpc.address: 127.0.0.1\njobmanager.rpc.port: {}\n\
         jobmanager.memory.process.size: 768m\njobmanager.memory.jvm-metaspace.size: 192m\n\
         taskmanager.memory.process.size: 1g\ntaskmanager.memory.jvm-metaspace.size: 192m\n\
         taskmanager.numberOfTaskSlots: 3\ntaskmanager.resource-id: tm-1\n",
        rpc.number()
    );
    fs_err::write(folder.join("config.yaml"), configuration).unwrap();
    ["jobmanager", "taskmanager"].map(|role| {
        let mut program =
            Program::new(home.join(format!("bin/{role}.sh")), &folder.join(format!("{role}.out")));
        program.arguments.push("start-foreground".to_owned());
        for (name, value) in [("FLINK_CONF_DIR", folder), ("FLINK_LOG_DIR", folder)] {
            program.environment.push((name.to_owned(), value.display().to_string()));
        }
        program
    })
}

async fn the_client_reads_a_cluster_and_ends_it(line: Line) {
    let (keeper, folder, port) =
        (Keeper::start(), tempfile::tempdir().unwrap(), ReservedPort::new());
    let [job_manager, task_manager] =
        programs(line, folder.path(), port.number()).map(|program| keeper.run(&program));
    let rest = FlinkRest::new(&format!("http://127.0.0.1:{}/", port.number()));
    // A TaskManager registers a moment before its slots do.
    let expected =
        Overview { task_managers: 1, slots: 3, free_slots: 3, jobs_running: 0, jobs_finished: 0 };
    wait_until("the TaskManager's slots are there", PATIENCE, async || {
        for (role, pid) in [("jobmanager", job_manager), ("taskmanager", task_manager)] {
            let said =
                || fs_err::read_to_string(folder.path().join(format!("{role}.out"))).unwrap();
            assert_eq!(keeper.ended(pid), None, "{role}: {}", said());
        }
        (rest.overview().await.ok()? == expected).then_some(())
    })
    .await;
    let found = rest.task_managers().await.unwrap();
    assert_eq!((found[0].id.as_str(), found[0].slots, found.len()), ("tm-1", 3, 1));
    assert_ne!(found[0].data_port, 0);
    assert_eq!(rest.jobs().await.unwrap(), []);
    let configuration = rest.configuration().await.unwrap();
    assert!(configuration.contains(&("taskmanager.numberOfTaskSlots".to_owned(), "3".to_owned())));

    rest.shut_down().await.unwrap();
    assert_eq!(keeper.wait(job_manager, PATIENCE).await, Ended::Code(0));
}

#[tokio::test]
async fn the_client_reads_a_cluster_of_flink_1_20_and_ends_it() {
    the_client_reads_a_cluster_and_ends_it(Line::V1_20).await;
}

#[tokio::test]
async fn the_client_reads_a_cluster_of_flink_2_and_ends_it() {
    the_client_reads_a_cluster_and_ends_it(Line::V2).await;
}
