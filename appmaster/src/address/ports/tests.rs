#![allow(clippy::unwrap_used)]
use flink::version::FlinkVersion;
use tokio::net::TcpListener;

use super::*;

fn config(options: &[(&str, &str)]) -> Configuration {
    let mut config = Configuration::new();
    for (key, value) in options {
        config.set(*key, *value, Source::DynamicProperty);
    }
    config
}

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The ports, if there are any, and what was found.
async fn settle(config: &mut Configuration, in_use: PortInUse) -> (Option<Ports>, Report) {
    let flink: FlinkVersion = "1.20.5".parse().unwrap();
    let settings = Draft::read(config, &flink, &mut Report::default());
    let hosts = Hosts { host: HERE.to_string(), bind: HERE };
    let mut report = Report::default();
    let ports = Ports::settle(config, &settings, Some(&hosts), in_use, &mut report).await;
    (ports.filter(|_| !report.is_fatal()), report)
}

async fn refused(config: &mut Configuration) -> Report {
    let (ports, report) = settle(config, PortInUse::Refuse).await;
    assert!(ports.is_none() && report.is_fatal(), "{report}");
    report
}

#[tokio::test]
async fn a_port_that_may_be_the_leaders_gives_only_a_warning() {
    let taken = TcpListener::bind((HERE, 0)).await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for options in
        [&[(REST_PORT.key(), &*port)][..], &[(REST_BIND_PORT.key(), &format!("{port},0"))]]
    {
        let mut config = config(&[&[(RPC_PORT.key(), "0")], options].concat());
        let (ports, report) = settle(&mut config, PortInUse::Later).await;
        assert_eq!(ports.unwrap().rest().unwrap().to_string(), port);
        assert!(report.warnings()[0].contains("when this application master leads"), "{report}");
    }
    refused(&mut config(&[(RPC_PORT.key(), "0"), (REST_PORT.key(), &port)])).await;
}

#[tokio::test]
async fn a_port_that_may_be_the_leaders_is_waited_for() {
    let taken = TcpListener::bind((HERE, 0)).await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut config = config(&[(RPC_PORT.key(), "0"), (REST_PORT.key(), &port)]);
    let ports = settle(&mut config, PortInUse::Later).await.0.unwrap();
    let error = ports.until_free(POLL).await.unwrap_err().to_string();
    assert!(error.starts_with(REST_PORT.key()) && error.contains("in use"), "{error}");
    drop(taken);
    ports.until_free(Duration::from_secs(60)).await.unwrap();
}

#[tokio::test]
async fn a_port_of_our_own_servers_must_be_free_also_where_the_job_manager_takes_another() {
    let taken = TcpListener::bind((HERE, 0)).await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let file = Source::File { path: "config.yaml".into(), line: None };
    let mut config = Configuration::new();
    for (key, value) in [(RPC_PORT.key(), &*port), (REST_PORT.key(), "0")] {
        config.set(key, value, file.clone());
    }
    let (ports, report) = settle(&mut config.clone(), PortInUse::TakeAnother).await;
    let rpc = ports.unwrap().job_manager.unwrap().rpc;
    assert!(rpc.number().to_string() != port, "{report}");
    config.set(WEB_PORT.key(), port, file);
    let (_, report) = settle(&mut config, PortInUse::TakeAnother).await;
    assert!(report.failure().to_string().starts_with(WEB_PORT.key()), "{report}");
}

#[tokio::test]
async fn rest_listens_where_configured() {
    let taken = TcpListener::bind((HERE, 0)).await.unwrap();
    let used = taken.local_addr().unwrap().port();
    // Other processes may use the next ports; only that the used port is not taken is certain.
    let range = format!("{used}-{}", used.saturating_add(50));
    let mut config =
        config(&[(RPC_PORT.key(), "0"), (REST_PORT.key(), "1"), (REST_BIND_PORT.key(), &range)]);
    let ports = settle(&mut config, PortInUse::Refuse).await.0.unwrap();
    let rest = ports.rest().unwrap();
    assert!(rest > used);
    let text = rest.to_string();
    assert_eq!(
        (config.get(&REST_PORT), config.get(&REST_BIND_PORT)),
        (Some(text.as_str()), Some(text.as_str()))
    );
}

#[tokio::test]
async fn an_invalid_range_or_one_without_a_free_port_is_refused_at_once() {
    let taken = TcpListener::bind((HERE, 0)).await.unwrap();
    let used = taken.local_addr().unwrap().port().to_string();
    for (text, part) in
        [(used.as_str(), "none of these ports is free"), ("9-1", "allowed are ports")]
    {
        let mut config =
            config(&[(RPC_PORT.key(), "0"), (REST_PORT.key(), "0"), (REST_BIND_PORT.key(), text)]);
        let error = refused(&mut config).await.failure().to_string();
        assert!(error.starts_with(REST_BIND_PORT.key()) && error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn the_earlier_name_of_rests_port_counts_as_in_flink() {
    let mut earlier = config(&[(RPC_PORT.key(), "0"), ("jobmanager.web.port", "0")]);
    let number = settle(&mut earlier, PortInUse::Refuse).await.0.unwrap().rest().unwrap();
    assert!(number > 0 && earlier.get(&REST_BIND_PORT) == Some(number.to_string().as_str()));
    let wrong =
        refused(&mut config(&[(RPC_PORT.key(), "0"), ("jobmanager.web.port", "abc")])).await;
    let error = wrong.failure().to_string();
    assert!(error.starts_with(REST_BIND_PORT.key()), "{error}");
}
