//! Several clusters on one host, and where their JobManagers listen.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
};

use tests::{
    Line,
    cluster::{FlinkMesos, processes_with},
    flink_home,
};

use super::{count_words, end_in_order};

#[test]
fn two_clusters_on_one_host_come_up_together_and_each_listens_where_configured_on_ipv4_and_ipv6() {
    let has_ipv6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    let (ours, other) = (own_address(), if has_ipv6 { "::1" } else { "127.0.0.1" });
    // Workers get an address of this machine on which the REST API need not listen.
    let address = format!("-Djobmanager.rpc.address={ours}");
    let first = ["local", "--workers", "1", &address, "-Drest.bind-address=127.0.0.1"];
    let mut first = FlinkMesos::start(&flink_home(Line::V1_20), &first);
    let second = ["local", "--workers", "1", &format!("-Djobmanager.rpc.address={other}")];
    let mut second = FlinkMesos::start(&flink_home(Line::V2), &second);
    let webs = [first.ready(), second.ready()];
    for cluster in [&mut first, &mut second] {
        // One launch may meet a taken port.
        assert!(cluster.events("launched").len() <= 2, "{:?}", cluster.events("gone"));
    }
    let rest = |at: usize| webs[at].rsplit(':').next().unwrap().parse::<u16>().unwrap();
    let of_first = listening(&first);
    assert_eq!(hosts_of(&of_first, rest(0)), [IpAddr::V4(Ipv4Addr::LOCALHOST)].into());
    if !ours.is_loopback() {
        assert!(
            of_first.iter().any(|address| address.ip().is_unspecified()),
            "workers reach it: {of_first:?}"
        );
    }
    let of_second = listening(&second);
    assert_eq!(hosts_of(&of_second, rest(1)), [other.parse::<IpAddr>().unwrap()].into());
    assert!(of_second.iter().all(|address| address.ip().is_loopback()), "{of_second:?}");
    if has_ipv6 {
        assert!(webs[1].starts_with("http://[::1]:"), "{webs:?}");
        count_words(&mut second, Line::V2, &webs[1]);
    }
    end_in_order(first);
    end_in_order(second);
}

/// The source address of this machine's outgoing packets, or loopback. Nothing is sent.
fn own_address() -> IpAddr {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let connected = socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9));
    connected
        .and_then(|()| socket.local_addr())
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}

fn hosts_of(addresses: &BTreeSet<SocketAddr>, port: u16) -> BTreeSet<IpAddr> {
    addresses.iter().filter(|address| address.port() == port).map(SocketAddr::ip).collect()
}

/// The TCP addresses on which this cluster's JobManager listens, from the kernel.
fn listening(cluster: &FlinkMesos) -> BTreeSet<SocketAddr> {
    let is_child = |pid: i32| {
        let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent = stat
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().nth(1)?.parse::<i32>().ok());
        parent == Some(cluster.pid().as_raw())
    };
    let found =
        processes_with("StandaloneSessionClusterEntrypoint").into_iter().map(|(pid, _)| pid);
    let pid = found.into_iter().find(|pid| is_child(*pid)).expect("the JobManager lives");
    let open = fs_err::read_dir(format!("/proc/{pid}/fd")).unwrap().map_while(Result::ok);
    let open: BTreeSet<_> = open.filter_map(|entry| fs_err::read_link(entry.path()).ok()).collect();
    let mut addresses = BTreeSet::new();
    for table in ["tcp", "tcp6"] {
        let table = fs_err::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in table.lines().skip(1) {
            let columns: Vec<_> = line.split_whitespace().collect();
            // Only listening sockets are in state 0A.
            if columns[3] == "0A"
                && open.iter().any(|file| file.as_os_str() == &*format!("socket:[{}]", columns[9]))
            {
                addresses.insert(address(columns[1]));
            }
        }
    }
    addresses
}

/// Parses the kernel's notation: groups of 32 bits in the machine's byte order, then the port. An
/// IPv4 address in an IPv6 socket counts as IPv4.
fn address(text: &str) -> SocketAddr {
    let (host, port) = text.split_once(':').unwrap();
    let groups =
        (0..host.len() / 8).map(|i| u32::from_str_radix(&host[8 * i..8 * i + 8], 16).unwrap());
    let bytes: Vec<u8> = groups.flat_map(u32::to_ne_bytes).collect();
    let ip = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(bytes) => IpAddr::from(bytes),
        Err(_) => IpAddr::from(<[u8; 16]>::try_from(bytes.as_slice()).unwrap()).to_canonical(),
    };
    SocketAddr::new(ip, u16::from_str_radix(port, 16).unwrap())
}
