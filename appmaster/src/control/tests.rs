#![allow(clippy::unwrap_used)]
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use scheduler::core::message::Input;

use super::{client::Client, *};
use crate::failure::Failure;

const TOKEN: &str = "a-token-of-a-test";
const VIEW_TOKEN: &str = "a-token-of-a-viewer";

/// A server whose owner answers each request with its debug text.
pub(super) async fn echo() -> (String, AbortOnDropHandle<()>) {
    let token = Token::parse(TOKEN).unwrap();
    let options = ControlOptions {
        bind: ([127, 0, 0, 1], 0).into(),
        token,
        view_token: Token::parse(VIEW_TOKEN).ok(),
        name: "here".to_owned(),
        address: None,
        port: None,
        tls: None,
    };
    let server = ControlServer::start(options).await.unwrap();
    let address = format!("http://{}", server.address());
    assert_eq!(server.url(), address);
    let task = tokio::spawn(async move {
        let mut server = server;
        while let Some(PendingRequest { request, answer }) = server.next().await {
            let shown = json!(format!("{request:?}"));
            _ = answer.send(match request {
                Request::Command(Input::Drain(agent)) if agent == "a" => {
                    Err(Refusal::Mistake("several: a.x, a.y".to_owned()))
                }
                Request::Ready => Ok(json!(true)),
                Request::Metrics => Ok(json!("# EOF\n")),
                Request::Offers => Err(Refusal::Unavailable("no offers yet".to_owned())),
                _ => Ok(shown),
            });
        }
    });
    (address, AbortOnDropHandle::new(task))
}

pub(super) fn client(address: &str) -> Client {
    Client::new(address, Some(TOKEN), None).unwrap()
}

async fn post(address: &str, kind: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
    common::tls::install_provider();
    let request =
        reqwest::Client::new().post(format!("{address}/commands")).header("content-type", kind);
    let answer = request.bearer_auth(TOKEN).body(body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_command_reaches_the_owner_and_its_answer_the_operator() {
    let (address, _server) = echo().await;
    let client = client(&address);
    let drain = Command::Drain { agent: "host-1".to_owned() };
    assert_eq!(client.command(&drain).await.unwrap(), json!("Command(Drain(\"host-1\"))"));
    assert_eq!(client.command(&Command::Stop {}).await.unwrap(), json!("Stop"));
    assert_eq!(client.get("workers").await.unwrap(), json!("Workers"));
}

#[tokio::test]
async fn a_command_that_its_owner_refuses_is_a_mistake_in_usage() {
    let (address, _server) = echo().await;
    let drain = Command::Drain { agent: "a".to_owned() };
    let error = client(&address).command(&drain).await.unwrap_err();
    assert!(error.to_string().ends_with("several: a.x, a.y"), "{error}");
    assert_eq!(Failure::from(error).exit_code(), 64);
}

#[tokio::test]
async fn what_cannot_be_had_now_is_no_mistake_in_usage() {
    let (address, _server) = echo().await;
    let error = client(&address).get("offers").await.unwrap_err();
    assert!(error.to_string().ends_with("no offers yet"), "{error}");
    assert_eq!(Failure::from(error).exit_code(), 1);
}

#[tokio::test]
async fn a_restart_that_cannot_work_is_refused_with_the_reason() {
    let (address, _server) = echo().await;
    let client = client(&address);
    for (surge, max_unavailable, expected) in
        [(0, 0, "no worker can be replaced"), (usize::MAX, 1, "100000"), (1, usize::MAX, "100000")]
    {
        let error = client
            .command(&Command::Restart { surge, max_unavailable })
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn requests_without_the_token_are_refused() {
    let (address, _server) = echo().await;
    for shown in [None, Some("a-guess-of-a-test"), Some("")] {
        let error = Client::new(&address, shown, None)
            .unwrap()
            .get("workers")
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("token") && !error.contains(TOKEN), "{error}");
    }
    assert!(client(&address).get("workers").await.is_ok());
}

/// Status and content type of a page, with this token or none.
async fn page(address: &str, path: &str, token: Option<&str>) -> (u16, String) {
    common::tls::install_provider();
    let mut request = reqwest::Client::new().get(format!("{address}{path}"));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.unwrap();
    let kind = answer.headers().get("content-type").unwrap().to_str().unwrap().to_owned();
    (answer.status().as_u16(), kind)
}

#[tokio::test]
async fn health_is_for_everybody_and_metrics_for_those_with_a_token() {
    let (address, _server) = echo().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(page(&address, path, None).await.0, 200, "{path}");
    }
    assert_eq!(page(&address, "/metrics", None).await.0, 401);
    for token in [TOKEN, VIEW_TOKEN] {
        let expected = (200, crate::metrics::CONTENT_TYPE.to_owned());
        assert_eq!(page(&address, "/metrics", Some(token)).await, expected);
    }
}

#[tokio::test]
async fn a_command_without_the_json_content_type_or_with_unknown_fields_is_refused() {
    let (address, _server) = echo().await;
    let (status, _) = post(&address, "text/plain", r#"{"command":"drain","agent":"A"}"#).await;
    assert_eq!(status, 415);
    for body in [
        r#"{"command":"stop","x":1}"#,
        r#"{"command":"drain","agent":"A","force":true}"#,
        r#"{"command":"undrain","agent":"A","force":true}"#,
        r#"{"command":"restart","surge":1,"max_unavailable":0,"x":1}"#,
        r#"{"command":"clear-agent","agent":null,"x":1}"#,
    ] {
        let (status, why) = post(&address, "application/json", body).await;
        assert!(status == 422 && why.contains("unknown field"), "{body}: {status} {why}");
    }
    assert_eq!(post(&address, "application/json", r#"{"command":"stop"}"#).await.0, 200);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read_completely() {
    let (address, _server) = echo().await;
    let (status, why) = post(&address, "application/json", vec![b' '; 65 << 10]).await;
    assert_eq!((status, why.contains("65536")), (413, true), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_brings_no_request_is_closed_after_ten_seconds() {
    let (address, _server) = echo().await;
    let address = address.trim_start_matches("http://");
    let request = format!(
        "GET /workers HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    );
    for said in ["", "GET /workers HT", "GET /workers HTTP/1.1\r\nHost: x\r\n", &request] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(said.as_bytes()).await.unwrap();
        let began = tokio::time::Instant::now();
        let mut answer = Vec::new();
        timeout(Duration::from_secs(30), socket.read_to_end(&mut answer))
            .await
            .expect("the end")
            .unwrap();
        assert!(began.elapsed() <= Duration::from_secs(11), "{said:?}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn idle_connections_take_a_bounded_number_of_descriptors_and_keep_no_operator_out() {
    let (address, _server) = echo().await;
    let there = address.trim_start_matches("http://").to_owned();
    let mut idle = Vec::new();
    let (most, most_of_each) = listener::room();
    for _ in 0..most + 64 {
        idle.push(TcpStream::connect(&there).await.unwrap());
    }
    assert_eq!(client(&address).get("workers").await.unwrap(), json!("Workers"));
    let mut open = 0;
    for socket in &mut idle {
        let ended = timeout(Duration::from_millis(5), socket.read_u8()).await;
        open += usize::from(ended.is_err());
    }
    assert!(open <= most_of_each, "{open} are open");
}

#[tokio::test]
async fn others_get_the_configured_host_and_port_and_this_machine_the_ones_it_listens_on() {
    let options = ControlOptions {
        bind: ([127, 0, 0, 1], 0).into(),
        token: Token::parse(TOKEN).unwrap(),
        view_token: None,
        name: "here".to_owned(),
        address: Some("gateway.example.org".to_owned()),
        port: Some(31002),
        tls: None,
    };
    let server = ControlServer::start(options).await.unwrap();
    assert_eq!(server.url(), "http://gateway.example.org:31002");
    assert_eq!(server.local_url(), format!("http://{}", server.address()));
}
