//! Secrets: those that workers get, and those that nobody may see.

use super::*;

#[tokio::test]
async fn secrets_for_workers_are_counted() {
    let installation = Installation::new("127.0.0.1:1").with("s3.secret-key=x");
    let text = installation.check().await.to_string();
    assert!(
        text.contains("4 files (0 MB) will be shipped to each worker, 1 of them secret"),
        "{text}"
    );
}

#[tokio::test]
async fn secrets_that_no_worker_could_fetch_are_an_error_at_the_start_and_name_the_options() {
    let with = |more: &[&str]| {
        let installation = Installation::new("127.0.0.1:1")
            .with("s3.secret-key=hush")
            .with("my.url=http://u:hush@h");
        more.iter().fold(installation, |installation, property| installation.with(property))
    };
    let far = "jobmanager.rpc.address=192.0.2.1";
    let errors = with(&[far]).errors().await;
    let [error] = errors.as_slice() else { panic!("{errors:#?}") };
    let expected = "workers need secrets (s3.secret-key, my.url), but the artifact server sends none to 192.0.2.1 without TLS";
    assert!(
        error.starts_with(expected) && error.contains("artifactserver.plain-secrets"),
        "{error}"
    );
    for fine in [&[][..], &[far, "mesos.resourcemanager.artifactserver.plain-secrets=true"]] {
        assert_eq!(with(fine).errors().await, Vec::<String>::new());
    }
    assert_eq!(
        Installation::new("127.0.0.1:1").with(far).errors().await,
        Vec::<String>::new(),
        "without secrets"
    );
}

#[tokio::test]
async fn an_error_shows_neither_user_nor_query_nor_password_of_a_value_but_its_hint() {
    for setting in [
        "mesos.master=user:hush@h:5050",
        "mesos.master=h/x?sig=hush",
        "mesos.master=zk://user:hush hush@h",
        r#"mesos.master={"password":"hush"}"#,
        "mesos.resourcemanager.tasks.uris=user:hush@h/x",
        "mesos.resourcemanager.tasks.uris=hush@h/x",
        "mesos.resourcemanager.tasks.uris=h/x?sig=hush",
        "mesos.web.bind-address=user:hush@h",
        "mesos.resourcemanager.artifactserver.bind-address=h?sig=hush",
        "mesos.resourcemanager.artifactserver.address=user:hush@h",
        "rest.address=user:hush@h",
        "rest.address=hush@h",
        "rest.bind-address=h?sig=hush",
        "rest.port=user:hush@1",
    ] {
        let errors = Installation::new("127.0.0.1:1").with(setting).errors().await.join("\n");
        assert!(!errors.is_empty() && !errors.contains("hush"), "{setting}: {errors}");
        let hint = "allowed are host:port, host1:port1,host2:port2, zk://host1:port1,host2:port2/path (with a user";
        assert!(errors.contains(hint) || !setting.starts_with("mesos.master"), "{errors}");
    }
}

#[tokio::test]
async fn a_secret_that_mesos_would_show_to_everybody_is_an_error_with_its_place() {
    let installation = Installation::new("127.0.0.1:1")
        .with("mesos.resourcemanager.framework.name=Flink password=hush")
        .with("mesos.resourcemanager.tasks.labels=team:blue,db.password:hush");
    let errors = installation.errors().await;
    let parts = [
        "mesos.resourcemanager.framework.name: Mesos shows",
        "mesos.resourcemanager.tasks.labels: Mesos shows",
    ];
    assert!(
        errors.len() == 2 && errors.iter().zip(parts).all(|(error, part)| error.starts_with(part)),
        "{errors:#?}"
    );
    assert!(
        errors.iter().all(|error| error.ends_with("(from -D)") && !error.contains("hush")),
        "{errors:#?}"
    );
}

#[tokio::test]
async fn users_and_queries_of_addresses_are_not_in_errors() {
    let address = "https://user:hush@h/a?sig=hush";
    for (key, value) in [
        ("mesos.artifacts.x", address),
        ("mesos.secret-artifacts.x", address),
        ("security.ssl.internal.keystore", address),
        ("mesos.resourcemanager.tasks.uris", "https://user:hush@h:port/a?hush"),
        ("mesos.resourcemanager.tasks.uris", "https://user:hush/hush@h/a"),
        ("mesos.resourcemanager.tasks.uris", "https://user:hush#hush@h/a"),
        ("mesos.resourcemanager.tasks.uris", "https://user:hush?hush@h/a"),
        ("mesos.resourcemanager.tasks.uris", "//user:x,https://user:hush@h/a?hush#cache=true"),
    ] {
        let report = Installation::new("127.0.0.1:1").with(&format!("{key}={value}")).check().await;
        let (shown, refusal) = (report.to_string(), report.failure().to_string());
        assert!(shown.contains(&format!("error: {key}: ")) && !shown.contains("hush"), "{shown}");
        assert!(!refusal.contains("hush"), "{refusal}");
    }
}
