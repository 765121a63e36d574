//! ZooKeeper with authentication or TLS, and the configuration for both.

use std::{path::Path, process::Command};

use appmaster::settings::{StateLocation, state_location};
use flink::config::{Configuration, Source};
use scheduler::{
    core::state::Change,
    election::{Candidate, ZooKeeperOptions, try_out},
};
use tests::{RealZooKeeper, RealZooKeeperOptions, ReservedPort};
use tokio::time::timeout;
use zookeeper_client::{Acls, Client, CreateMode, Error};

use super::{PATIENCE, lead, write};

/// The options as the application master reads them.
fn configured(quorum: &str, options: &[(&str, &str)]) -> ZooKeeperOptions {
    let mut config = Configuration::new();
    let common =
        [("high-availability.type", "zookeeper"), ("high-availability.zookeeper.quorum", quorum)];
    for (key, value) in [&common, options].concat() {
        config.set(key, value, Source::DynamicProperty);
    }
    config.set(
        "high-availability.zookeeper.client.session-timeout",
        "3 s",
        Source::DynamicProperty,
    );
    let StateLocation::ZooKeeper(options) = state_location(&config).unwrap() else {
        panic!("not in ZooKeeper")
    };
    options
}

async fn keeps_state(options: &ZooKeeperOptions) {
    assert!(write(lead(options).await, vec![Change::NextNumber(7)]).await);
    assert_eq!(lead(options).await.state.next_number, 7);
}

/// What a check of the installation reports.
async fn tried(options: &ZooKeeperOptions) -> Result<(), String> {
    timeout(PATIENCE, try_out(options))
        .await
        .expect("an answer in time")
        .map(drop)
        .map_err(|error| error.to_string())
}

async fn refused(options: ZooKeeperOptions) -> String {
    let mut candidate = Candidate::new(options);
    let refused = timeout(PATIENCE, candidate.lead(|_| {})).await.expect("an answer in time");
    refused.expect_err("it is refused").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_creators_acl_nobody_else_reads_or_leads() {
    let zookeeper = RealZooKeeper::start().await;
    let options = |secret: &str| {
        let secret = format!("digest:'flink:{secret}'");
        let options = [
            ("high-availability.zookeeper.client.acl", "creator"),
            ("high-availability.zookeeper.client.authorization", &secret),
        ];
        configured(&zookeeper.connect_string(), &options)
    };
    let own = options("s3cret");
    assert_eq!(tried(&own).await, Ok(()));
    keeps_state(&own).await;
    assert_eq!(tried(&own).await, Ok(()));
    let error = tried(&options("guess")).await.unwrap_err();
    assert!(
        error.contains("/flink/mesos-workers/default") && error.contains("not authorized"),
        "{error}"
    );
    let stranger = Client::connect(&zookeeper.connect_string()).await.unwrap();
    assert_eq!(stranger.get_data(&format!("{}/state", own.base)).await.unwrap_err(), Error::NoAuth);
    let refused = refused(options("guess")).await;
    assert!(
        refused.contains("/flink/mesos-workers/default") && !refused.contains("guess"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sasl_login_uses_the_settings_of_flinks_own_client() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs_err::write(&path, text).unwrap();
        path.display().to_string()
    };
    let module = "org.apache.zookeeper.server.auth.DigestLoginModule required";
    let server = file("server", &format!("Server {{ {module} user_flink=\"s3cret\"; }};"));
    let zookeeper = RealZooKeeper::start_with(RealZooKeeperOptions {
        configuration: vec![
            "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider".to_owned(),
        ],
        properties: vec![
            format!("java.security.auth.login.config={server}"),
            "zookeeper.sessionRequireClientSASLAuth=true".to_owned(),
        ],
        ..Default::default()
    })
    .await;
    let options = |password: &str| {
        let client = format!("Client {{ {module} username=\"flink\" password=\"{password}\"; }};");
        let opts = format!("-Djava.security.auth.login.config={}", file(password, &client));
        let acl = ("high-availability.zookeeper.client.acl", "creator");
        configured(&zookeeper.connect_string(), &[("env.java.opts.all", &opts), acl])
    };
    keeps_state(&options("s3cret")).await;
    assert_eq!(tried(&options("s3cret")).await, Ok(()));
    let error = tried(&options("guess")).await.unwrap_err();
    assert!(error.contains("authentication failed") && !error.contains("guess"), "{error}");
    assert!(!refused(options("guess")).await.contains("guess"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_changes_nothing_and_reports_missing_permissions_before_the_first_start() {
    let zookeeper = RealZooKeeper::start().await;
    let quorum = zookeeper.connect_string();
    assert_eq!(tried(&configured(&quorum, &[])).await, Ok(()));
    let client = Client::connect(&quorum).await.unwrap();
    assert_eq!(client.list_children("/").await.unwrap(), ["zookeeper"]);
    client
        .create("/flink", b"", &CreateMode::Persistent.with_acls(Acls::anyone_read()))
        .await
        .unwrap();
    let error = tried(&configured(&quorum, &[])).await.unwrap_err();
    assert!(error.contains("cannot make /flink/mesos-workers: not authorized"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_reports_for_each_server_why_there_is_no_session() {
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let quorum = format!("127.0.0.1:1,{}", deaf.local_addr().unwrap());
    let error = tried(&configured(&quorum, &[])).await.unwrap_err();
    assert!(error.contains("127.0.0.1:1: ") && error.contains("refused"), "{error}");
    assert!(
        error.contains(&format!(
            "{} accepts connections but starts no session",
            deaf.local_addr().unwrap()
        )),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mutual_tls_uses_the_settings_of_flinks_own_client() {
    let folder = tempfile::tempdir().unwrap();
    let (server, client) = (key_store(folder.path(), "server"), key_store(folder.path(), "client"));
    let secure = ReservedPort::new();
    let properties = [
        "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory".to_owned(),
        format!("ssl.keyStore.location={server}.p12"),
        "ssl.keyStore.password=hush-hush".to_owned(),
        format!("ssl.trustStore.location={client}.trust.p12"),
        "ssl.trustStore.password=hush-hush".to_owned(),
    ];
    let _zookeeper = RealZooKeeper::start_with(RealZooKeeperOptions {
        configuration: vec![format!("secureClientPort={}", secure.number())],
        properties: properties.map(|property| format!("zookeeper.{property}")).to_vec(),
        ..Default::default()
    })
    .await;
    let quorum = format!("127.0.0.1:{}", secure.number());
    let opts = format!(
        "-Dzookeeper.client.secure=true -Dzookeeper.ssl.trustStore.location={server}.trust.p12 \
         -Dzookeeper.ssl.trustStore.password=hush-hush -Dzookeeper.ssl.keyStore.location={client}.p12 \
         -Dzookeeper.ssl.keyStore.password=hush-hush"
    );
    let acl = ("high-availability.zookeeper.client.acl", "creator");
    keeps_state(&configured(&quorum, &[("env.java.opts.jobmanager", &opts), acl])).await;
    assert_eq!(
        tried(&configured(&quorum, &[("env.java.opts.jobmanager", &opts), acl])).await,
        Ok(())
    );
    // A server that is not trusted is not used.
    let wrong = opts.replace("server.trust", "client.trust");
    let stranger = configured(&quorum, &[("env.java.opts.jobmanager", &wrong)]);
    let error = tried(&stranger).await.unwrap_err();
    assert!(error.contains(&quorum) && error.contains("certificate"), "{error}");
    let mut candidate = Candidate::new(stranger);
    let reports = std::sync::Mutex::new(Vec::new());
    let waiting = candidate.lead(|text| reports.lock().unwrap().push(text.to_owned()));
    assert!(timeout(std::time::Duration::from_secs(1), waiting).await.is_err(), "it leads");
    assert!(
        reports
            .lock()
            .unwrap()
            .iter()
            .all(|text| text.starts_with("Cannot read the state or take part in the election")),
        "{reports:?}"
    );
}

/// A key with its certificate, `NAME.p12`, and only the certificate, `NAME.trust.p12`. Returns the
/// path without extension.
fn key_store(folder: &Path, name: &str) -> String {
    let path = folder.join(name).display().to_string();
    let run = |arguments: &str| {
        let output = Command::new("keytool").args(arguments.split(' ')).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    };
    let store = "-storetype PKCS12 -storepass hush-hush -noprompt";
    run(&format!(
        "-genkeypair -alias {name} -keyalg EC -groupname secp256r1 -dname CN={name} -ext san=ip:127.0.0.1 -keystore {path}.p12 {store}"
    ));
    run(&format!("-exportcert -alias {name} -keystore {path}.p12 -file {path}.crt {store}"));
    run(&format!("-importcert -alias {name} -file {path}.crt -keystore {path}.trust.p12 {store}"));
    path
}
