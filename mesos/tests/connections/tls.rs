//! Masters and agents behind TLS.

use crate::fakes::{executor, framework, peer, tls};
use framework::{Framework, options, subscribe};
use mesos::{
    executor::{ExecutorConnection, ExecutorEnvironment},
    scheduler::{SchedulerConnection, SchedulerError, SchedulerOptions, calls},
    tls::TlsError,
    v1::scheduler::{Call, call},
};
use peer::{FakePeer, soon};
use tls::{TlsListener, data};

fn https(master: &str, ca_file: &str) -> SchedulerOptions {
    SchedulerOptions { https: true, ca_file: Some(data(ca_file)), ..options(master) }
}

#[tokio::test]
async fn a_master_whose_certificate_the_named_authority_has_signed_is_trusted() {
    let (listener, address) = TlsListener::bind().await;
    let mut master = FakePeer::start_anywhere(listener);
    let mut framework =
        Framework::open(https(&format!("localhost:{}", address.port()), "authority.pem")).await;
    let _events = subscribe(master.asked().await, "stream-1");
    framework.until_subscribed().await;
    framework.handle.send(calls::revive(vec![]));
    assert_eq!(master.asked().await.call::<Call>().r#type(), call::Type::Revive);
}

#[tokio::test]
async fn a_certificate_is_checked_for_an_address_too() {
    let (listener, address) = TlsListener::bind().await;
    let mut master = FakePeer::start_anywhere(listener);
    let _framework = Framework::open(https(&address.to_string(), "authority.pem")).await;
    master.asked().await;
}

#[tokio::test]
async fn a_master_whose_certificate_another_authority_has_signed_gets_nothing_to_hear() {
    let (listener, address) = TlsListener::bind().await;
    let master = FakePeer::start_anywhere(listener);
    let mut framework = Framework::open(https(&address.to_string(), "another-authority.pem")).await;
    let reason = framework.disconnected().await;
    assert!(reason.contains("invalid peer certificate"), "{reason}");
    assert!(!master.is_asked());
}

#[tokio::test]
async fn a_redirect_of_a_master_with_https_does_not_lead_to_one_without() {
    let (listener, address) = TlsListener::bind().await;
    let mut master = FakePeer::start_anywhere(listener);
    let mut framework = Framework::open(https(&address.to_string(), "authority.pem")).await;
    master.asked().await.redirect("http://127.0.0.1:1/");
    let reason = framework.disconnected().await;
    assert!(reason.contains("expected is https://host:port"), "{reason}");
}

#[tokio::test]
async fn a_file_without_a_certificate_is_refused_before_anything_is_tried() {
    for (file, expected) in
        [("README.md", "no usable certificate in"), ("missing.pem", "cannot read certificates")]
    {
        let result =
            SchedulerConnection::open(https("127.0.0.1:1", file), framework::framework(), vec![])
                .await;
        let Err(SchedulerError::Tls(error)) = result else { panic!("{file} was accepted") };
        assert!(
            error.to_string().contains(expected) && error.to_string().contains(file),
            "{error}"
        );
        assert!(matches!(error, TlsError::NoCertificate { .. } | TlsError::Read(_)));
    }
}

/// An executor of the agent at that address, by the variables that the agent sets for TLS.
fn environment(address: &str, verify: &str, ca_file: &str) -> ExecutorEnvironment {
    let ca_file = data(ca_file).to_string_lossy().into_owned();
    executor::environment(address, move |name| match name {
        "LIBPROCESS_SSL_ENABLED" => Some("1".to_owned()),
        "LIBPROCESS_SSL_VERIFY_SERVER_CERT" => Some(verify.to_owned()),
        "LIBPROCESS_SSL_CA_FILE" => Some(ca_file.clone()),
        _ => None,
    })
}

#[tokio::test]
async fn an_executor_verifies_its_agent_when_it_is_told_to() {
    let (listener, address) = TlsListener::bind().await;
    let mut agent = FakePeer::start_anywhere(listener);
    let trusting =
        ExecutorConnection::new(environment(&address.to_string(), "true", "authority.pem"))
            .unwrap();
    let doubting =
        ExecutorConnection::new(environment(&address.to_string(), "true", "another-authority.pem"))
            .unwrap();
    let error = soon(doubting.subscribe(vec![], vec![], || ())).await.unwrap_err();
    assert!(error.to_string().contains("invalid peer certificate"), "{error}");
    let (events, _stream) = soon(async {
        tokio::join!(trusting.subscribe(vec![], vec![], || ()), async {
            agent.asked().await.stream("")
        })
    })
    .await;
    events.unwrap();
}

#[tokio::test]
async fn an_executor_takes_any_certificate_unless_it_is_told_to_verify() {
    let (listener, address) = TlsListener::bind().await;
    let mut agent = FakePeer::start_anywhere(listener);
    let connection =
        ExecutorConnection::new(environment(&address.to_string(), "false", "missing.pem")).unwrap();
    let (events, _stream) = soon(async {
        tokio::join!(connection.subscribe(vec![], vec![], || ()), async {
            agent.asked().await.stream("")
        })
    })
    .await;
    events.unwrap();
}
