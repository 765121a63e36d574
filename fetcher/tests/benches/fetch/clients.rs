//! Clients that download a file and drop it at the lowest cost, because they share the machine with
//! the measured server.

use std::io::Write as _;
use std::net::TcpStream;
use std::os::fd::AsRawFd as _;
use std::process::Child;

use nix::sys::socket::{MsgFlags, recv};

use crate::this_program;

/// Bytes dropped at once.
const AT_ONCE: usize = 1 << 20;

/// Runs this many clients at once, each a process that downloads all of `url`.
pub(crate) fn clients(count: usize, url: &str, token: Option<&str>) {
    let client = || this_program().args(["drain", url, token.unwrap_or_default()]).spawn().unwrap();
    let clients: Vec<Child> = (0..count).map(|_| client()).collect();
    for mut client in clients {
        assert!(client.wait().unwrap().success());
    }
}

/// One request; the kernel drops the bytes of the body instead of copying them.
pub(crate) fn drain(arguments: &[&str]) {
    let [url, token] = arguments else { panic!("drain <url> <token>") };
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut socket = TcpStream::connect(host).unwrap();
    let head = format!(
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).unwrap();
    let mut buffer = vec![0; AT_ONCE];
    let mut start = Vec::new();
    let end = loop {
        let count = recv(socket.as_raw_fd(), &mut buffer[..1024], MsgFlags::empty()).unwrap();
        assert!(count > 0, "{url}: no answer");
        start.extend_from_slice(&buffer[..count]);
        if let Some(end) = start.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = String::from_utf8_lossy(&start[..end]).to_ascii_lowercase();
    assert!(text.starts_with("http/1.1 200"), "{url}: {text}");
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
    let mut left = length.trim().parse::<usize>().unwrap() - (start.len() - end);
    while left > 0 {
        let dropped =
            recv(socket.as_raw_fd(), &mut buffer[..left.min(AT_ONCE)], MsgFlags::MSG_TRUNC)
                .unwrap();
        assert!(dropped > 0, "{url}: the body ended early");
        left -= dropped;
    }
}
