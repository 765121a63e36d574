//! How to reach ZooKeeper: from the options of Flink's own client, and from the system properties
//! of its JVM, because Flink has no options for TLS and logins. So one setting serves JobManager
//! and application master.

use std::{collections::BTreeMap, path::Path};

use common::files::{LARGEST_SECRET, read_text};
use fetcher_server::{Identity, Password, Trust};
use flink::{
    command::{self, CommandError},
    config::Configuration,
    options::{
        flink::{
            ENV_JAVA_OPTS_ALL as PROPERTIES, HIGH_AVAILABILITY_CLUSTER_ID,
            HIGH_AVAILABILITY_ZOOKEEPER_CLIENT_ACL as ACL,
            HIGH_AVAILABILITY_ZOOKEEPER_CLIENT_AUTHORIZATION as AUTHORIZATION,
            HIGH_AVAILABILITY_ZOOKEEPER_CLIENT_SESSION_TIMEOUT,
            HIGH_AVAILABILITY_ZOOKEEPER_PATH_ROOT, HIGH_AVAILABILITY_ZOOKEEPER_QUORUM as QUORUM,
            ZOOKEEPER_SASL_DISABLE, ZOOKEEPER_SASL_LOGIN_CONTEXT_NAME,
        },
        mesos::{STATE_ZOOKEEPER_SECRET, ZOOKEEPER_PATH},
    },
};
use rustls::pki_types::ServerName;
use scheduler::election::{Access, Server, Tls, ZooKeeperOptions};

use super::{SettingsError, invalid, jaas};

const SECURE: &str = "zookeeper.client.secure";

pub(super) fn zookeeper(config: &Configuration) -> Result<ZooKeeperOptions, SettingsError> {
    let hint = "with high-availability.type: zookeeper, e.g. zk1:2181,zk2:2181,zk3:2181";
    let part = |text: &str| match text.trim_matches('/') {
        "" => String::new(),
        text => format!("/{text}"),
    };
    let root = part(config.text(&HIGH_AVAILABILITY_ZOOKEEPER_PATH_ROOT));
    let cluster = part(config.text(&HIGH_AVAILABILITY_CLUSTER_ID));
    let workers = part(config.text(&ZOOKEEPER_PATH));
    let access = access(config)?;
    let creator_only = match config.text(&ACL) {
        "open" => false,
        "creator"
            if access.authorizations.is_empty()
                && access.login.is_none()
                && access.tls.is_none() =>
        {
            let reason = format!("ZooKeeper does not know who the creator is: set {AUTHORIZATION}");
            return Err(invalid(ACL.key(), config, reason));
        }
        "creator" => true,
        _ => return Err(invalid(ACL.key(), config, "allowed are open and creator".to_owned())),
    };
    Ok(ZooKeeperOptions {
        quorum: config
            .get(&QUORUM)
            .ok_or(SettingsError::Missing { key: QUORUM.key(), hint })?
            .to_owned(),
        base: format!("{root}{workers}{cluster}"),
        upstream: format!("{root}{cluster}{workers}"),
        session_timeout: config.read(&HIGH_AVAILABILITY_ZOOKEEPER_CLIENT_SESSION_TIMEOUT)?,
        access,
        creator_only,
    })
}

fn access(config: &Configuration) -> Result<Access, SettingsError> {
    let properties = command::job_manager_properties(config).map_err(|error| match error {
        CommandError::Options { key, reason } => SettingsError::Named { key, reason },
        error => wrong(&error),
    })?;
    let mut authorizations = config.read(&AUTHORIZATION)?.unwrap_or_default();
    let own = config.read(&STATE_ZOOKEEPER_SECRET)?.map(|secret| ("digest".to_owned(), secret));
    authorizations.extend(own);
    Ok(Access {
        authorizations,
        login: login(config, &properties)?,
        tls: tls(config, &properties)?,
    })
}

type Properties = BTreeMap<String, String>;

/// The login that Flink's client finds in the JAAS file. The client here does not support Kerberos.
fn login(
    config: &Configuration,
    properties: &Properties,
) -> Result<Option<(String, String)>, SettingsError> {
    let disabled = config.read(&ZOOKEEPER_SASL_DISABLE)?;
    let Some(path) = properties.get("java.security.auth.login.config").filter(|_| !disabled) else {
        return Ok(None);
    };
    let context = properties.get("zookeeper.sasl.clientconfig").map(String::as_str);
    let context = context.unwrap_or(config.text(&ZOOKEEPER_SASL_LOGIN_CONTEXT_NAME));
    let text =
        read_text(Path::new(path), jaas::MOST_BYTES as u64).map_err(|error| wrong(&error))?;
    let found =
        jaas::context(&text, context).map_err(|reason| wrong(&format!("{path}: {reason}")))?;
    let Some(mut login) = found.filter(|login| login.module.ends_with("DigestLoginModule")) else {
        return Ok(None);
    };
    match (login.options.remove("username"), login.options.remove("password")) {
        (Some(user), Some(password)) => Ok(Some((user, password))),
        _ => Err(wrong(&format!("{path}: {context} needs a username and a password"))),
    }
}

fn tls(config: &Configuration, properties: &Properties) -> Result<Option<Tls>, SettingsError> {
    if properties.get(SECURE).is_none_or(|value| value != "true") {
        return Ok(None);
    }
    if properties.get("zookeeper.ssl.hostnameVerification").is_some_and(|value| value == "false") {
        return Err(wrong(
            &"-Dzookeeper.ssl.hostnameVerification=false: the servers' names are always verified",
        ));
    }
    let missing =
        format!("-D{SECURE}=true needs -Dzookeeper.ssl.trustStore.location=…, in PKCS#12 or PEM");
    let store =
        properties.get("zookeeper.ssl.trustStore.location").ok_or_else(|| wrong(&missing))?;
    let trust = Trust::read(Path::new(store), password(properties, "trustStore")?.as_ref());
    let trust = trust.map_err(|error| wrong(&error))?;
    let identity = match properties.get("zookeeper.ssl.keyStore.location") {
        Some(store) => Some(Identity::in_file(store.into(), password(properties, "keyStore")?)),
        None => None,
    };
    let client = trust.client(identity.as_ref()).map_err(|error| wrong(&error))?;
    let servers = config.get(&QUORUM).unwrap_or_default().split(',').map(|server| {
        let server = server.trim();
        let (host, port) = server.rsplit_once(':').unwrap_or((server, "2181"));
        let name =
            ServerName::try_from(host.trim_start_matches('[').trim_end_matches(']').to_owned());
        let name = name.map_err(|error| {
            invalid(QUORUM.key(), config, format!("a certificate cannot be for {host:?}: {error}"))
        })?;
        Ok(Server { address: format!("{host}:{port}"), name })
    });
    Ok(Some(Tls { config: client, servers: servers.collect::<Result<_, SettingsError>>()? }))
}

/// The password of the trust store or key store: in a property, or in the file that another
/// property names.
fn password(properties: &Properties, store: &str) -> Result<Option<Password>, SettingsError> {
    if let Some(password) = properties.get(&format!("zookeeper.ssl.{store}.password")) {
        return Ok(Some(Password::new(password)));
    }
    let Some(path) = properties.get(&format!("zookeeper.ssl.{store}.passwordPath")) else {
        return Ok(None);
    };
    let text = read_text(Path::new(path), LARGEST_SECRET).map_err(|error| wrong(&error))?;
    Ok(Some(Password::new(text.trim_end_matches(['\r', '\n']))))
}

fn wrong(reason: &impl ToString) -> SettingsError {
    SettingsError::File { key: PROPERTIES.key(), reason: reason.to_string() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flink::config::Source;
    use fs_err as fs;

    use super::*;

    fn read(options: &[(&str, &str)]) -> Result<ZooKeeperOptions, String> {
        let mut config = Configuration::new();
        for (key, value) in [&[(QUORUM.key(), "zk1:2181,zk2:2181")], options].concat() {
            config.set(key, value, Source::DynamicProperty);
        }
        zookeeper(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn our_nodes_are_not_below_those_that_flink_removes() {
        let own = [
            ("high-availability.cluster-id", "/a/b"),
            ("high-availability.zookeeper.path.mesos-workers", "tm"),
        ];
        let options = read(&own).unwrap();
        assert_eq!(
            (options.base.as_str(), options.upstream.as_str()),
            ("/flink/tm/a/b", "/flink/a/b/tm")
        );
        assert_eq!(read(&[]).unwrap().base, "/flink/mesos-workers/default");
    }

    #[test]
    fn nodes_can_be_private_to_their_creator_when_there_are_credentials() {
        let refused = read(&[(ACL.key(), "creator")]).unwrap_err();
        assert!(
            refused.starts_with(ACL.key()) && refused.contains(AUTHORIZATION.key()),
            "{refused}"
        );
        let options =
            read(&[(ACL.key(), "creator"), (AUTHORIZATION.key(), "digest:'flink:hush'")]).unwrap();
        assert!(options.creator_only && !format!("{options:?}").contains("hush"));
        assert_eq!(options.access.authorizations, [("digest".to_owned(), "flink:hush".to_owned())]);
        assert!(
            read(&[(ACL.key(), "nobody")]).unwrap_err().contains("allowed are open and creator")
        );
    }

    #[test]
    fn a_login_is_read_from_the_file_that_flinks_client_reads() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let login = "Client { org.apache.zookeeper.server.auth.DigestLoginModule required username=\"u\" password=\"p\"; };";
        fs::write(file.path(), login).unwrap();
        let option = format!("-Xmx1g -Djava.security.auth.login.config={}", file.path().display());
        let of = |more: &[(&str, &str)]| {
            read(&[&[("env.java.opts.jobmanager", option.as_str())], more].concat())
                .unwrap()
                .access
                .login
        };
        assert_eq!(of(&[]), Some(("u".to_owned(), "p".to_owned())));
        assert_eq!(of(&[("zookeeper.sasl.disable", "true")]), None);
        assert_eq!(of(&[("zookeeper.sasl.login-context-name", "Other")]), None);
        fs::write(file.path(), "Client { x.DigestLoginModule required; };").unwrap();
        let refused = read(&[(PROPERTIES.key(), &option)]).unwrap_err();
        assert!(refused.contains("Client needs a username and a password"), "{refused}");
    }

    #[test]
    fn tls_requires_a_trust_store_and_always_verifies_names() {
        let refused = read(&[(PROPERTIES.key(), "-Dzookeeper.client.secure=true")]).unwrap_err();
        assert!(refused.contains("-Dzookeeper.ssl.trustStore.location"), "{refused}");
        let lax = "-Dzookeeper.client.secure=true -Dzookeeper.ssl.hostnameVerification=false";
        assert!(read(&[(PROPERTIES.key(), lax)]).unwrap_err().contains("always verified"));
        let gone =
            "-Dzookeeper.client.secure=true -Dzookeeper.ssl.trustStore.location=/no/such.p12";
        assert!(read(&[(PROPERTIES.key(), gone)]).unwrap_err().contains("/no/such.p12"));
        assert!(
            read(&[(PROPERTIES.key(), "-Dzookeeper.client.secure=false")])
                .unwrap()
                .access
                .tls
                .is_none()
        );
    }
}
