use proptest::prelude::*;

use super::*;

fn host(host: &str, port: u16) -> HostPort {
    HostPort { host: host.to_owned(), port }
}

fn parse(text: &str) -> MasterUrl {
    text.parse().unwrap()
}

fn why(text: &str) -> String {
    text.parse::<MasterUrl>().unwrap_err().why
}

#[test]
fn hosts_come_alone_or_as_a_list_and_have_the_port_5050_unless_they_say_otherwise() {
    assert_eq!(parse("m1:15050"), MasterUrl::Hosts(vec![host("m1", 15050)]));
    assert_eq!(parse(" m1 "), MasterUrl::Hosts(vec![host("m1", 5050)]));
    assert_eq!(
        parse("m1,10.0.0.2:7, m-3.x_y"),
        MasterUrl::Hosts(vec![host("m1", 5050), host("10.0.0.2", 7), host("m-3.x_y", 5050)])
    );
}

#[test]
fn an_ipv6_address_stands_in_brackets() {
    assert_eq!(
        parse("[::1]:80,[fe80::2]"),
        MasterUrl::Hosts(vec![host("::1", 80), host("fe80::2", 5050)])
    );
    assert_eq!(parse("[::1]").to_string(), "[::1]:5050");
    assert!(why("::1").contains("no host name"));
    assert!(why("fe80::2:80").contains("no port between"));
    assert!(why("[nonsense]:80").contains("no IPv6 address"));
    assert!(why("[::1").contains("no ]"));
    assert!(why("[::1]80").contains("no port"));
}

#[test]
fn a_zookeeper_url_has_servers_a_path_and_maybe_a_user() {
    let MasterUrl::ZooKeeper(url) = parse("zk://jake:p@ss:word@z1,z2:2182/mesos/prod/") else {
        panic!("no zk")
    };
    assert_eq!(url.servers, [host("z1", 2181), host("z2", 2182)]);
    assert_eq!(url.digest.as_deref(), Some("jake:p@ss:word"));
    assert_eq!(url.path, "/mesos/prod");
    assert_eq!(url.connect_string(), "z1:2181,z2:2182");
    assert!(matches!(
        parse("zk://z1/mesos"),
        MasterUrl::ZooKeeper(ZooKeeperUrl { digest: None, .. })
    ));
}

#[test]
fn a_zookeeper_url_without_a_path_is_refused() {
    assert!(why("zk://z1:2181").contains("no path"));
    assert!(why("zk://z1:2181/").contains("no usable path"));
    assert!(why("zk://z1:2181/a//b").contains("no usable path"));
    assert!(why("zk://z1:2181/../b").contains("no usable path"));
    assert!(why("zk:///mesos").contains("no host name"));
    assert!(why("zk://jake@z1/mesos").contains("no user:password"));
}

#[test]
fn a_file_needs_an_absolute_path() {
    assert_eq!(parse("file:///etc/mesos/zk"), MasterUrl::File(PathBuf::from("/etc/mesos/zk")));
    assert!(why("file://etc/mesos").contains("no absolute path"));
    assert!(why("file://").contains("no absolute path"));
}

#[test]
fn what_names_no_master_is_refused_with_all_that_is_allowed() {
    for text in [
        "",
        " ",
        ",",
        "m1,",
        "m1:",
        "m1:0",
        "m1:65536",
        "m1:+1",
        "http://m1:5050",
        "m 1",
        "m1/x",
        "hdfs://m1",
    ] {
        let error = text.parse::<MasterUrl>().unwrap_err().to_string();
        assert!(error.contains("allowed are host:port"), "{text}: {error}");
    }
}

#[test]
fn no_text_form_shows_the_password() {
    let url = parse("zk://jake:secret@z1:2181/mesos");
    assert_eq!(url.to_string(), "zk://jake:***@z1:2181/mesos");
    assert!(!format!("{url:?}").contains("secret"));
    let error = "zk://jake:sec@ret@z1:99999/mesos".parse::<MasterUrl>().unwrap_err();
    assert!(!error.to_string().contains("ret@"), "{error}");
    assert!(!error.to_string().contains("sec"), "{error}");
    for text in ["zk://jake:sec/ret@z1/mesos", "jake:secret@m1:5050", "http://jake:secret@m1:5050"]
    {
        let error = text.parse::<MasterUrl>().unwrap_err();
        assert!(!error.to_string().contains("sec"), "{error}");
    }
}

proptest! {
    #[test]
    fn what_is_shown_is_read_back_as_the_same(
        hosts in proptest::collection::vec(("[a-z][a-z0-9.-]{0,20}", 1_u16..), 1..5),
    ) {
        let url = MasterUrl::Hosts(hosts.iter().map(|(name, port)| host(name, *port)).collect());
        prop_assert_eq!(parse(&url.to_string()), url);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "(zk://|file://|\\[)?\\PC*") {
        drop(text.parse::<MasterUrl>());
    }
}
