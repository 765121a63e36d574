//! Our ports, whether they are free, and port ranges in Flink's notation.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use flink::{
    config::{Configuration, ConfigurationError, Source},
    options::{
        ConfigOption,
        flink::{
            JOBMANAGER_BIND_HOST, JOBMANAGER_RPC_BIND_PORT as RPC_BIND_PORT,
            JOBMANAGER_RPC_PORT as RPC_PORT, REST_BIND_ADDRESS, REST_BIND_PORT, REST_PORT,
        },
        mesos::{ARTIFACT_SERVER_EXECUTOR_PORT, ARTIFACT_SERVER_PORT, CONTROL_PORT},
    },
};
use tokio::{
    net::{TcpListener, TcpSocket},
    time::{Instant, sleep},
};

use super::{Found, PortInUse, Reservation};
use crate::settings::{SettingsError, artifact_server, control};

const POLL: Duration = Duration::from_millis(100);

/// Determines the JobManager's ports and writes them into its configuration.
pub(super) async fn settle(
    config: &mut Configuration,
    in_use: PortInUse,
    bind: IpAddr,
) -> Result<(u16, Vec<Reservation>), SettingsError> {
    let (key, wanted) = rpc(config)?;
    let mut reservations = Vec::new();
    if key == RPC_PORT.key() || config.read(&RPC_PORT)? == 0 {
        let (number, reservation) = free_port(config, key, wanted, in_use, bind).await?;
        reservations.extend(reservation);
        config.set(&RPC_PORT, number.to_string(), Source::Computed("a free port"));
    }
    let (number, reservation) = match rest_range(config)? {
        Some(range) => free_port_of(config, &range, in_use, bind).await?,
        None => free_port(config, REST_PORT.key(), config.read(&REST_PORT)?, in_use, bind).await?,
    };
    reservations.extend(reservation);
    // Both get the same port: clients must use the port on which REST listens.
    config.set(&REST_BIND_PORT, number.to_string(), Source::Computed("a free port"));
    config.set(&REST_PORT, number.to_string(), Source::Computed("a free port"));
    Ok((number, reservations))
}

/// Everything that prevents us from using our ports. A port that may be the current leader's until
/// we lead gives only a warning.
pub(super) async fn problems(
    config: &Configuration,
    bind: IpAddr,
    in_use: PortInUse,
    found: &mut Found,
) {
    let all = all_ports(config, bind);
    let range = rest_range(config).unwrap_or_else(|problem| {
        found.problems.push(problem);
        None
    });
    let tried_as = if in_use == PortInUse::TakeAnother { in_use } else { PortInUse::Refuse };
    let twice = wanted_twice(&all);
    for Port { key, number, bind } in all {
        let tried = match (number, &range) {
            (_, Some(range)) if key == REST_PORT.key() => {
                free_port_of(config, range, tried_as, bind).await.err()
            }
            (Ok(number), _) => free_port(config, key, number, tried_as, bind).await.err(),
            (Err(wrong), _) => Some(wrong.into()),
        };
        match tried {
            Some(problem @ SettingsError::Value { .. }) if in_use == PortInUse::Later => {
                found
                    .warnings
                    .push(format!("{problem}; it must be free when this application master leads"));
            }
            tried => found.problems.extend(tried),
        }
    }
    found.problems.extend(twice);
}

/// Waits until our ports are free: the previous leader on this machine and its JobManager take a
/// moment to end. A port still in use after `patience` is a mistake in the configuration.
pub async fn until_free(
    config: &Configuration,
    bind: IpAddr,
    patience: Duration,
) -> Result<(), SettingsError> {
    let deadline = Instant::now() + patience;
    for Port { key, number, bind } in all_ports(config, bind) {
        let number = number?;
        while let Err(error) = listen(bind, number).await {
            if error.kind() != ErrorKind::AddrInUse || Instant::now() >= deadline {
                return Err(in_use_by_others(key, number, bind, &error));
            }
            sleep(POLL).await;
        }
    }
    Ok(())
}

/// Whether the port becomes free within `patience`.
pub async fn becomes_free(number: u16, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        match listen(Ipv4Addr::UNSPECIFIED.into(), number).await {
            Ok(_) => return true,
            Err(e) if e.kind() != ErrorKind::AddrInUse || Instant::now() >= deadline => {
                return false;
            }
            Err(_) => sleep(POLL).await,
        }
    }
}

/// One of our ports, and the address on which we listen there. 0 means no port.
struct Port {
    /// The option for it.
    key: &'static str,
    number: Result<u16, ConfigurationError>,
    bind: IpAddr,
}

fn all_ports(config: &Configuration, bind: IpAddr) -> [Port; 5] {
    let served = artifact_server(config).map_or(bind, |wanted| wanted.listen(bind).ip());
    let operators = control(config).map_or(Ipv4Addr::LOCALHOST.into(), |wanted| wanted.bind.ip());
    // The JobManager listens where its options say; names are resolved by Java.
    let own = |option: &ConfigOption<_>| {
        config.get(option).and_then(|text| text.parse().ok()).unwrap_or(bind)
    };
    let (rpc_key, rpc) = match rpc(config) {
        Ok((key, number)) => (key, Ok(number)),
        Err(wrong) => (RPC_PORT.key(), Err(wrong)),
    };
    let executor = config.read(&ARTIFACT_SERVER_EXECUTOR_PORT).map(Option::unwrap_or_default);
    let port = |key, number, bind| Port { key, number, bind };
    [
        port(rpc_key, rpc, own(&JOBMANAGER_BIND_HOST)),
        port(REST_PORT.key(), config.read(&REST_PORT), own(&REST_BIND_ADDRESS)),
        port(ARTIFACT_SERVER_PORT.key(), config.read(&ARTIFACT_SERVER_PORT), served),
        port(ARTIFACT_SERVER_EXECUTOR_PORT.key(), executor, served),
        port(CONTROL_PORT.key(), config.read(&CONTROL_PORT), operators),
    ]
}

/// The port on which the JobManager's RPC system listens, and the option that says so.
fn rpc(config: &Configuration) -> Result<(&'static str, u16), ConfigurationError> {
    Ok(match config.read(&RPC_BIND_PORT)? {
        Some(number) if number > 0 => (RPC_BIND_PORT.key(), number),
        _ => (RPC_PORT.key(), config.read(&RPC_PORT)?),
    })
}

/// Ports set by more than one of these options; 0 is not a port.
fn wanted_twice(all: &[Port]) -> Vec<SettingsError> {
    let number = |port: &Port| port.number.as_ref().map_or(0, |number| *number);
    let mut problems = Vec::new();
    for (at, later) in all.iter().enumerate() {
        let earlier = all
            .iter()
            .take(at)
            .find(|earlier| number(earlier) > 0 && number(earlier) == number(later));
        problems.extend(earlier.map(|earlier| SettingsError::Value {
            key: later.key,
            value: number(later).to_string(),
            reason: format!("{} uses this port too", earlier.key),
        }));
    }
    problems
}

/// The candidate ports for REST, that of `rest.port` first if it is among them; `None` if only
/// `rest.port` counts.
fn rest_range(config: &Configuration) -> Result<Option<Vec<u16>>, SettingsError> {
    let Some(text) = config.get(&REST_BIND_PORT) else { return Ok(None) };
    let mut ports = ports_of(text).ok_or_else(|| SettingsError::Value {
        key: REST_BIND_PORT.key(),
        value: text.to_owned(),
        reason:
            "allowed are ports and port ranges separated by commas, such as 8081 or 50100-50200, each from 0 to 65535"
                .to_owned(),
    })?;
    let known_by = config.read(&REST_PORT)?;
    if config.contains(&REST_PORT)
        && let Some(at) = ports.iter().position(|port| *port == known_by)
    {
        ports[..=at].rotate_right(1);
    }
    Ok(Some(ports))
}

/// Flink's notation for ports: `1`, `1-9`, or several of these separated by commas.
fn ports_of(text: &str) -> Option<Vec<u16>> {
    let parts = text.trim().split(',').map(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first <= last).then_some(first..=last)
    });
    Some(parts.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect())
}

async fn free_port_of(
    config: &Configuration,
    ports: &[u16],
    in_use: PortInUse,
    bind: IpAddr,
) -> Result<(u16, Option<Reservation>), SettingsError> {
    let mut last = None;
    for number in ports {
        if in_use == PortInUse::Later && *number > 0 {
            return Ok((*number, None));
        }
        match listen(bind, *number).await {
            Ok(found) => return Ok(found),
            Err(error) => last = Some(error),
        }
    }
    let reason = last.map(|error| error.to_string()).unwrap_or_default();
    Err(SettingsError::Value {
        key: REST_BIND_PORT.key(),
        value: config.get(&REST_BIND_PORT).unwrap_or_default().to_owned(),
        reason: format!("none of these ports is free on {bind}: {reason}; 0 means any free port"),
    })
}

async fn free_port(
    config: &Configuration,
    key: &'static str,
    number: u16,
    in_use: PortInUse,
    bind: IpAddr,
) -> Result<(u16, Option<Reservation>), SettingsError> {
    let deliberate = matches!(config.source(key), Some(Source::DynamicProperty));
    if in_use == PortInUse::Later && number > 0 {
        return Ok((number, None));
    }
    let error = match listen(bind, number).await {
        Ok(found) => return Ok(found),
        Err(e) => e,
    };
    if in_use == PortInUse::TakeAnother
        && !deliberate
        && let Ok(found) = listen(bind, 0).await
    {
        return Ok(found);
    }
    Err(in_use_by_others(key, number, bind, &error))
}

fn in_use_by_others(
    key: &'static str,
    number: u16,
    bind: IpAddr,
    error: &std::io::Error,
) -> SettingsError {
    let hint = format!("choose another with -D{key}=…, 0 means any free port");
    let reason = format!("cannot listen on {}: {error}; {hint}", SocketAddr::new(bind, number));
    SettingsError::Value { key, value: number.to_string(), reason }
}

/// The port, if it is free; that may change as soon as this returns. For 0, a reserved port.
async fn listen(bind: IpAddr, port: u16) -> std::io::Result<(u16, Option<Reservation>)> {
    let address = SocketAddr::new(bind, port);
    if port > 0 {
        return Ok((TcpListener::bind(address).await?.local_addr()?.port(), None));
    }
    let socket = if bind.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.bind(address)?;
    // Not earlier: the system could choose a port that another process has reserved.
    socket.set_reuseaddr(true)?;
    Ok((socket.local_addr()?.port(), Some(Reservation(socket))))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn config(options: &[(&str, &str)]) -> Configuration {
        let mut config = Configuration::new();
        for (key, value) in options {
            config.set(*key, *value, Source::DynamicProperty);
        }
        config
    }

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    async fn refused(config: &Configuration) -> Vec<SettingsError> {
        let mut found = Found::default();
        problems(config, HERE, PortInUse::Refuse, &mut found).await;
        found.problems
    }

    #[tokio::test]
    async fn a_port_that_may_be_the_leaders_gives_only_a_warning() {
        let taken = TcpListener::bind((HERE, 0)).await.unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        let config = config(&[(RPC_PORT.key(), "0"), (REST_PORT.key(), &port)]);
        let mut found = Found::default();
        problems(&config, HERE, PortInUse::Later, &mut found).await;
        assert!(
            found.problems.is_empty()
                && found.warnings[0].contains("when this application master leads"),
            "{found:?}"
        );
        assert_eq!(refused(&config).await.len(), 1);
    }

    #[test]
    fn ports_are_single_ones_and_ranges() {
        assert_eq!(ports_of("1, 5-7 ,9"), Some(vec![1, 5, 6, 7, 9]));
        for wrong in ["", "a", "7-5", "1-", "70000", "1;2", "-1"] {
            assert_eq!(ports_of(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn rest_listens_where_configured() {
        let taken = TcpListener::bind((HERE, 0)).await.unwrap();
        let used = taken.local_addr().unwrap().port();
        // Other processes may use the next ports; only that the used port is not taken is certain.
        let range = format!("{used}-{}", used.saturating_add(50));
        let mut config = config(&[
            (RPC_PORT.key(), "0"),
            (REST_PORT.key(), "1"),
            (REST_BIND_PORT.key(), &range),
        ]);
        let (number, _) = settle(&mut config, PortInUse::Refuse, HERE).await.unwrap();
        assert!(number > used);
        let text = number.to_string();
        assert_eq!(
            (config.get(&REST_PORT), config.get(&REST_BIND_PORT)),
            (Some(text.as_str()), Some(text.as_str()))
        );
    }

    #[tokio::test]
    async fn an_invalid_range_or_one_without_a_free_port_is_refused_at_once() {
        let taken = TcpListener::bind((HERE, 0)).await.unwrap();
        let used = taken.local_addr().unwrap().port().to_string();
        for (text, part) in
            [(used.as_str(), "none of these ports is free"), ("9-1", "allowed are ports")]
        {
            let mut config = config(&[
                (RPC_PORT.key(), "0"),
                (REST_PORT.key(), "0"),
                (REST_BIND_PORT.key(), text),
            ]);
            let found: Vec<_> = refused(&config).await.iter().map(ToString::to_string).collect();
            let error = settle(&mut config, PortInUse::Refuse, HERE).await.unwrap_err().to_string();
            assert!(error.starts_with(REST_BIND_PORT.key()) && error.contains(part), "{error}");
            assert!(found.contains(&error), "{found:?}");
        }
    }

    #[tokio::test]
    async fn the_earlier_name_of_rests_port_counts_as_in_flink() {
        let mut config = config(&[(RPC_PORT.key(), "0"), ("jobmanager.web.port", "0")]);
        let (number, _) = settle(&mut config, PortInUse::Refuse, HERE).await.unwrap();
        assert!(number > 0 && config.get(&REST_BIND_PORT) == Some(number.to_string().as_str()));
        let wrong =
            refused(&self::config(&[(RPC_PORT.key(), "0"), ("jobmanager.web.port", "abc")])).await;
        assert!(
            matches!(wrong.as_slice(), [one] if one.to_string().starts_with(REST_BIND_PORT.key())),
            "{wrong:?}"
        );
    }

    #[test]
    fn the_configured_port_of_rest_comes_first_in_its_range() {
        let range = |known: &str| {
            rest_range(&config(&[(REST_PORT.key(), known), (REST_BIND_PORT.key(), "1-4")]))
                .unwrap()
                .unwrap()
        };
        assert_eq!((range("3"), range("9")), (vec![3, 1, 2, 4], vec![1, 2, 3, 4]));
    }
}
