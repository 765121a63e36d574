//! Application masters that need the same ports on one machine.

use nix::sys::signal::Signal;
use tests::{
    RealMesosOptions, ReservedPort,
    site::{Part, Site},
};

const KEYS: [&str; 4] = [
    "rest.port",
    "jobmanager.rpc.port",
    "mesos.resourcemanager.artifactserver.port",
    "mesos.web.port",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_on_the_leaders_machine_uses_its_ports_when_it_leads() {
    let ports = KEYS.map(|key| (key, ReservedPort::new()));
    let options = ports.each_ref().map(|(key, port)| format!("-D{key}={}", port.number()));
    let mut site =
        Site::start(2, RealMesosOptions::default(), &options.each_ref().map(String::as_str)).await;
    let before = site.task_managers();
    for end in [Signal::SIGKILL, Signal::SIGTERM] {
        let standby = site.standby();
        site.master.signal(end);
        let mut left = site.follow(standby).await;
        assert_eq!(left.end().success(), end == Signal::SIGTERM);
        site.until_whole(2).await;
        assert_eq!(site.task_managers(), before, "after {end}");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_port_is_in_use_reports_it_and_leaves_the_task_managers_to_the_next_one() {
    let mut site = Site::start(1, RealMesosOptions::default(), &[]).await;
    let before = site.task_managers();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let option = format!("-Drest.port={}", taken.local_addr().unwrap().port());
    let mut standby = site.standby_with(&[&option]);
    site.kill(Part::ApplicationMaster).await;
    assert_eq!(standby.end().code(), Some(64));
    let errors = standby.errors();
    assert!(errors.contains("rest.port") && errors.contains("choose another"), "{errors}");
    site.restart(Part::ApplicationMaster).await;
    site.until_whole(1).await;
    assert_eq!(site.task_managers(), before);
    site.end().await;
}
