//! What a finding means. No I/O.

use std::{net::IpAddr, time::Duration};

use common::hosts::is_loopback;
use flink::version::FlinkVersion;

use super::row::Row;

/// HTTP gives the time in whole seconds, and an answer takes a moment.
const EXACT: Duration = Duration::from_secs(3);
/// Kerberos refuses clients whose clock differs by more.
const TOLERATED: Duration = Duration::from_secs(300);
/// Free space below which a folder soon is full.
const LITTLE: u64 = 2 << 30;
/// Free space with which nothing works.
const NONE: u64 = 100 << 20;
/// The oldest Mesos with all that is needed.
const OLDEST_MESOS: (u32, u32) = (1, 4);

/// How far the clock of another machine differs from ours.
pub(super) fn clock(whose: &str, skew: Duration, is_ahead: bool) -> Row {
    const CHECK: &str = "clock";
    let how = if is_ahead { "ahead of" } else { "behind" };
    let finding =
        format!("{whose} is {} {how} this machine", humantime::format_duration(whole(skew)));
    let next = "synchronise both clocks, e.g. with chrony: certificates, Kerberos and times in logs depend on them";
    if skew <= EXACT {
        Row::ok(CHECK, format!("{whose} agrees with this machine within {} s", EXACT.as_secs()))
    } else if skew <= TOLERATED {
        Row::warning(CHECK, finding, next)
    } else {
        Row::failed(CHECK, finding, next)
    }
}

fn whole(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}

/// How much space a folder has.
pub(super) fn space(what: &'static str, folder: &str, free: u64) -> Row {
    let finding = format!("{what} {folder}: {:.1} GiB free", free as f64 / f64::from(1 << 30));
    let next = "remove files there, or choose a folder on another disk";
    if free < NONE {
        Row::failed("disk", finding, next)
    } else if free < LITTLE {
        Row::warning("disk", finding, next)
    } else {
        Row::ok("disk", finding)
    }
}

/// Whether this Mesos is new enough.
pub(super) fn mesos(version: &str, finding: String) -> Row {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let found = parts.next().flatten().zip(parts.next().flatten());
    match found {
        Some(found) if found < OLDEST_MESOS => {
            let (major, minor) = OLDEST_MESOS;
            Row::failed("mesos", finding, format!("use Mesos {major}.{minor} or later"))
        }
        _ => Row::ok("mesos", finding),
    }
}

/// The answer of the Mesos master to a request of a framework that it cannot read. It looks at the
/// credential before that.
pub(super) fn authentication(status: u16, principal: Option<&str>) -> Row {
    const CHECK: &str = "mesos login";
    match (status, principal) {
        (401 | 403, Some(principal)) => Row::failed(
            CHECK,
            format!("the master refuses the credential of principal {principal}"),
            "correct mesos.resourcemanager.framework.principal and .secret, or add them to the master's --credentials",
        ),
        (401 | 403, None) => Row::failed(
            CHECK,
            "the master requires authentication of frameworks",
            "set mesos.resourcemanager.framework.principal and .secret",
        ),
        (500.., _) => Row::warning(
            CHECK,
            format!("the master answers with HTTP status {status}"),
            "look into the master's log",
        ),
        (_, Some(principal)) => {
            Row::ok(CHECK, format!("the master accepts the credential of principal {principal}"))
        }
        (_, None) => Row::ok(CHECK, "the master requires no authentication"),
    }
}

/// Whether Flink's processes can speak TLS with a java of this full version. Newer releases of Java
/// no longer offer the cipher suites `TLS_RSA_*`, one of which is the default before Flink 2.3.
/// `algorithms` are the configured suites.
pub(super) fn ciphers(flink: &FlinkVersion, java: &str, algorithms: Option<&str>) -> Row {
    const CHECK: &str = "tls";
    let all_old = match algorithms {
        Some(suites) => suites.split(',').all(|suite| suite.trim().starts_with("TLS_RSA_")),
        None => !flink.at_least(2, 3),
    };
    if !all_old {
        return Row::ok(CHECK, format!("Java {java} offers the cipher suites of Flink {flink}"));
    }
    if !dropped_rsa(java) {
        return Row::ok(CHECK, format!("Java {java} still offers the cipher suites TLS_RSA_*"));
    }
    let next = "set security.ssl.algorithms: \
                TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";
    let finding = format!(
        "Java {java} no longer offers the cipher suites TLS_RSA_*, and Flink {flink} is configured with no other: its processes \
         cannot connect"
    );
    Row::failed(CHECK, finding, next)
}

/// Whether this release of Java offers no `TLS_RSA_*`: 11.0.30, 17.0.18, 21.0.10, 24 and later.
fn dropped_rsa(java: &str) -> bool {
    let mut parts = java.split(['.', '+', '-', '_']).map(|part| part.parse::<u32>().unwrap_or(0));
    let (feature, _, update) = (parts.next().unwrap_or(0), parts.next(), parts.next().unwrap_or(0));
    match feature {
        11 => update >= 30,
        17 => update >= 18,
        21 => update >= 10,
        feature => feature >= 24,
    }
}

/// Whether agents can reach this host, as far as that shows here. `found` are its addresses;
/// `elsewhere` is an agent on another machine, if there is one.
pub(super) fn advertised(host: &str, found: &[IpAddr], elsewhere: Option<&str>) -> Row {
    const CHECK: &str = "artifacts";
    let next = "set mesos.resourcemanager.artifactserver.address to a host by which agents reach this machine";
    let is_here_only = is_loopback(host) || found.iter().all(IpAddr::is_loopback);
    match elsewhere {
        _ if found.is_empty() => Row::failed(
            CHECK,
            format!("no address is known for {host}, which agents are given"),
            next,
        ),
        Some(agent) if is_here_only => Row::failed(
            CHECK,
            format!(
                "agents are given {host}, which only this machine reaches, and {agent} is another machine"
            ),
            next,
        ),
        Some(_) => Row::ok(
            CHECK,
            format!(
                "agents are given {host}; a firewall between them and this machine does not show here, only in \
                 `flink-mesos workers history` of a running cluster"
            ),
        ),
        None => {
            Row::ok(CHECK, format!("agents are given {host}; no agent is known on another machine"))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{super::row::Outcome, *};

    #[test]
    fn a_clock_may_differ_by_a_moment_and_not_by_more_than_kerberos_tolerates() {
        let outcome = |seconds| clock("m", Duration::from_secs(seconds), true).outcome;
        assert_eq!(
            [0, 3, 4, 300, 301].map(outcome),
            [Outcome::Ok, Outcome::Ok, Outcome::Warning, Outcome::Warning, Outcome::Failed]
        );
        let row = clock("agent-1", Duration::from_millis(90_700), false);
        assert_eq!(row.finding, "agent-1 is 1m 30s behind this machine");
    }

    #[test]
    fn a_folder_with_little_space_is_a_warning_and_one_without_fails() {
        let outcome = |free| space("logs", "/l", free).outcome;
        assert_eq!(
            [0, NONE, LITTLE].map(outcome),
            [Outcome::Failed, Outcome::Warning, Outcome::Ok]
        );
        assert_eq!(space("logs", "/l", 3 << 30).finding, "logs /l: 3.0 GiB free");
    }

    #[test]
    fn a_mesos_that_is_too_old_fails() {
        let outcome = |version| mesos(version, String::new()).outcome;
        assert_eq!(outcome("1.3.2"), Outcome::Failed);
        assert!(["1.4.0", "1.11.0", "2.0.0-rc1", "x"].iter().all(|it| outcome(it) == Outcome::Ok));
    }

    #[test]
    fn a_refused_credential_and_a_missing_one_fail_with_the_options_to_set() {
        for (principal, start) in [(Some("flink"), "correct mesos."), (None, "set mesos.")] {
            let row = authentication(401, principal);
            assert_eq!(row.outcome, Outcome::Failed);
            assert!(row.next.starts_with(start), "{row:?}");
        }
        assert_eq!(authentication(400, Some("flink")).outcome, Outcome::Ok);
        assert_eq!(authentication(415, None).outcome, Outcome::Ok);
        assert_eq!(authentication(503, None).outcome, Outcome::Warning);
    }

    #[test]
    fn java_releases_without_the_default_ciphers_of_an_older_flink_are_known() {
        let failed = |flink: &str, java, algorithms| {
            ciphers(&flink.parse().unwrap(), java, algorithms).outcome == Outcome::Failed
        };
        for java in ["11.0.30", "17.0.18+8", "21.0.10", "24", "25.0.1"] {
            assert!(failed("1.20.5", java, None), "{java}");
            assert!(!failed("2.3.0", java, None), "{java}");
        }
        for java in ["1.8.0_472", "11.0.29", "17.0.15", "21.0.9", "23.0.2", ""] {
            assert!(!failed("1.20.5", java, None), "{java}");
        }
        assert!(failed("2.3.0", "25", Some("TLS_RSA_WITH_AES_128_CBC_SHA")));
        let mixed = "TLS_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
        assert!(!failed("1.20.5", "25", Some(mixed)));
    }

    #[test]
    fn agents_on_other_machines_need_more_than_a_loopback_address() {
        let (loopback, other): (IpAddr, IpAddr) =
            ("127.0.0.1".parse().unwrap(), "10.0.0.1".parse().unwrap());
        let outcome = |host, found: &[IpAddr], agent| advertised(host, found, agent).outcome;
        assert_eq!(outcome("localhost", &[loopback], None), Outcome::Ok);
        assert_eq!(outcome("localhost", &[loopback], Some("a")), Outcome::Failed);
        assert_eq!(outcome("gateway", &[loopback], Some("a")), Outcome::Failed);
        assert_eq!(outcome("gateway", &[], None), Outcome::Failed);
        let row = advertised("gateway", &[other], Some("a"));
        assert_eq!(row.outcome, Outcome::Ok);
        assert!(row.finding.contains("firewall"), "it promises no more than it knows: {row:?}");
    }
}
