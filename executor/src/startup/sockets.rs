//! Listening sockets, read from `/proc/<pid>/net/tcp` and `tcp6`, which does not disturb the
//! process.

/// The state LISTEN, see Linux's `include/net/tcp_states.h`.
const LISTEN: &str = "0A";

/// Whether any process in this process's network namespace listens on the port. Blocking.
pub(super) fn listens(pid: u32, port: u16) -> bool {
    ["tcp", "tcp6"].iter().any(|table| {
        let table = fs_err::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        table.lines().skip(1).any(|line| is_listener(line, port))
    })
}

/// Parses `sl local_address rem_address st …`; the address is a hexadecimal `address:port`.
fn is_listener(line: &str, port: u16) -> bool {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (Some(local), Some(_), Some(state)) = (fields.next(), fields.next(), fields.next()) else {
        return false;
    };
    let local_port =
        local.rsplit_once(':').and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
    state == LISTEN && local_port == Some(port)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn only_a_listener_counts() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let me = std::process::id();
        assert!(listens(me, port));
        assert!(!listens(me, client.local_addr().unwrap().port()));
    }

    #[test]
    fn a_connection_that_outlives_its_listener_does_not_count() {
        let line = |state| {
            format!(
                "  12: 0100007F:1F90 0100007F:C350 {state} 00000000:00000000 00:00000000 00000000  0  0 1"
            )
        };
        assert!(is_listener(&line("0A"), 8080));
        assert!(!is_listener(&line("01"), 8080));
    }
}
