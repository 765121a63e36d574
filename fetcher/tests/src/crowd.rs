//! A crowd of connections to a listener: some are idle, some send the head of a request slowly. A
//! closed connection is opened again a second later. The crowd is a process of its own, which ends
//! by itself.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

const IDLE: usize = 2000;
const DRIPPING: usize = 1000;
/// How often each sends a byte, and how long to wait before reconnecting.
const PACE: Duration = Duration::from_secs(1);
/// When the process ends in any case.
const LIFE: Duration = Duration::from_secs(60);

/// A running crowd; dropping it ends it.
pub struct Crowd(Child);

impl Crowd {
    /// Starts this program with the arguments `crowd ADDRESS`, and waits until all have connected.
    #[expect(clippy::disallowed_methods, reason = "the crowd is a process of its own")]
    pub fn at(address: &str) -> Self {
        let mut program = Command::new(std::env::current_exe().unwrap());
        let mut process = program.args(["crowd", address]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "there\n", "the crowd did not connect");
        Self(process)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// The crowd's process.
#[tokio::main(flavor = "current_thread")]
pub async fn come(address: &str) {
    let address: SocketAddr = address.parse().unwrap();
    assert!(address.ip().is_loopback());
    common::descriptors::raise().unwrap();
    let (connected, mut here) = mpsc::unbounded_channel();
    for number in 0..IDLE + DRIPPING {
        tokio::spawn(stranger(address, number >= IDLE, connected.clone()));
    }
    let stay = async {
        for _ in 0..IDLE + DRIPPING {
            here.recv().await.unwrap();
        }
        println!("there");
        std::future::pending::<()>().await;
    };
    _ = timeout(LIFE, stay).await;
}

async fn stranger(address: SocketAddr, drips: bool, connected: mpsc::UnboundedSender<()>) {
    let mut is_new = true;
    loop {
        if let Ok(mut socket) = TcpStream::connect(address).await {
            if std::mem::take(&mut is_new) {
                connected.send(()).ok();
            }
            if drips && socket.write_all(b"GET /workers HTTP/1.1\r\nX-Drip: ").await.is_ok() {
                while let Err(_still_there) = timeout(PACE, socket.read_u8()).await {
                    if socket.write_all(b"x").await.is_err() {
                        break;
                    }
                }
            }
            socket.read_u8().await.ok();
        }
        sleep(PACE).await;
    }
}
