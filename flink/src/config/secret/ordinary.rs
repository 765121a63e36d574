//! Values that are no secrets although their names have the word in them: `tokens.enabled: true`.
//! Only keys of users' own are judged by their names, such as those of connectors, file systems and
//! variables.

use super::names::{ends_as_secret, has_secret_word, is_variable};
use crate::options;

/// How the names end that stand for something about a secret: where it is, what provides it, how
/// long it lives.
const ABOUT: &[&str] = &[
    "alias",
    "audience",
    "backend",
    "backoff",
    "binary",
    "class",
    "dir",
    "duration",
    "enable",
    "enabled",
    "encoder",
    "endpoint",
    "env",
    "file",
    "host",
    "interval",
    "issuer",
    "level",
    "lifetime",
    "location",
    "manager",
    "mapping",
    "name",
    "path",
    "pattern",
    "period",
    "policy",
    "port",
    "provider",
    "providers",
    "ratio",
    "region",
    "renewer",
    "required",
    "rotation",
    "server",
    "servers",
    "service",
    "services",
    "store",
    "topic",
    "ttl",
    "type",
    "uri",
    "url",
    "validity",
    "variable",
];

/// What no secret is.
const NO_SECRETS: [&str; 6] = ["true", "false", "null", "none", "yes", "no"];

/// Units of durations and sizes.
const UNITS: &[&str] =
    &["ms", "s", "sec", "min", "m", "h", "d", "day", "days", "b", "kb", "mb", "gb", "k", "g", "%"];

/// Is it the name of a secret, and not of something about one, such as `password.file`? An option
/// that is declared says so itself.
pub(in crate::config) fn names_secret(name: &str) -> bool {
    options::is_secret(name).unwrap_or_else(|| names_secret_of_user(name))
}

fn names_secret_of_user(name: &str) -> bool {
    has_secret_word(name) && (ends_as_secret(name) || !is_about(name)) && !is_object(name)
}

/// Is the value a secret because of its name, or is it a private key?
pub(in crate::config) fn is_secret_value(name: &str, value: &str) -> bool {
    let of_user = || names_secret_of_user(name) && !is_ordinary(name, value);
    options::is_secret(name).unwrap_or_else(of_user) || is_private_key(value)
}

/// What the line has in it that private keys begin with.
pub(super) const PRIVATE_KEY: &str = "PRIVATE KEY";

/// How that line ends: of OpenSSL and SSH, of PGP, and of SSH2.
const PRIVATE_KEYS: [&str; 3] = ["PRIVATE KEY-----", "PRIVATE KEY BLOCK-----", "PRIVATE KEY ----"];

fn is_private_key(value: &str) -> bool {
    value.contains(PRIVATE_KEY) && PRIVATE_KEYS.iter().any(|line| value.contains(line))
}

/// Does the value show that it is no secret? What has the name of a secret itself, such as
/// `db.password`, may be a number.
fn is_ordinary(name: &str, value: &str) -> bool {
    let value = value.trim().trim_matches(['"', '\'', '\\']);
    if NO_SECRETS.iter().any(|word| value.eq_ignore_ascii_case(word)) {
        return true;
    }
    let name_in_small = name.to_ascii_lowercase();
    if name_in_small.contains("credential") && value.starts_with('/') {
        // GOOGLE_APPLICATION_CREDENTIALS: the file with them
        return true;
    }
    if is_variable_with_path(name, value) || is_authorization_by(&name_in_small, value) {
        return true;
    }
    if ends_as_secret(name) {
        // max-tokens: 4096
        return name_in_small.ends_with("tokens") && value.parse::<f64>().is_ok();
    }
    is_quantity(value) || value.split([',', ';']).all(|class| is_class(class.trim()))
}

/// Has a variable the path of something, and not a password that begins with a slash:
/// `KAFKA_SECRETS=/etc/kafka/secrets`, `TOKEN_CACHE=/x`?
fn is_variable_with_path(name: &str, value: &str) -> bool {
    let variable = name.rsplit('.').next().unwrap_or_default();
    let Some(path) = value.strip_prefix('/').filter(|_| is_variable(variable)) else {
        return false;
    };
    let is_part = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-".contains(&c);
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(is_part);
    // Neither DB_PASSWORD nor DB_PASS
    let are_many = ["SECRETS", "TOKENS", "CREDENTIALS", "CREDS", "PASSWORDS", "KEYS"];
    let is_of_secret =
        ends_as_secret(variable) && !are_many.iter().any(|end| variable.ends_with(end));
    let is_place = || ["CACHE", "HOME", "ROOT"].iter().any(|end| variable.ends_with(end));
    !is_of_secret && path.split('/').all(is_name) && (path.contains('/') || is_place())
}

/// How users are authorized.
const AUTHORIZATIONS: [&str; 9] =
    ["abac", "acl", "custom", "kerberos", "ldap", "ranger", "rbac", "sentry", "simple"];

/// Does it say how users are authorized: `authorization.mode: rbac`? In a header, it is a secret.
fn is_authorization_by(name_in_small: &str, value: &str) -> bool {
    let is_known = AUTHORIZATIONS.iter().any(|known| value.eq_ignore_ascii_case(known));
    is_known
        && name_in_small.contains("authorization")
        && !has_secret_word(&name_in_small.replace("authorization", ""))
}

/// Does the value name objects of Kubernetes, which hold the secrets there?
pub(super) fn is_object(name: &str) -> bool {
    name.starts_with("kubernetes.") && (name.ends_with("secrets") || name.ends_with("secretKeyRef"))
}

fn is_about(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ABOUT.iter().any(|end| name.ends_with(end))
}

/// A number, a duration or a size.
fn is_quantity(value: &str) -> bool {
    let unit = value.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
    let number = &value[..value.len() - unit.len()];
    let unit = unit.trim_start().to_ascii_lowercase();
    number.parse::<f64>().is_ok() && (unit.is_empty() || UNITS.contains(&unit.as_str()))
}

/// The name of a Java class, in a package with a dot in it. A token's parts are no packages: they
/// have capitals.
fn is_class(value: &str) -> bool {
    let mut parts = value.rsplit('.');
    let class = parts.next().unwrap_or_default();
    let is_package = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let packages: Vec<&str> = parts.collect();
    class.starts_with(|c: char| c.is_ascii_uppercase())
        && class.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$'))
        && packages.len() > 1
        && packages.into_iter().all(is_package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_about_a_secret_is_none() {
        for (name, value) in [
            ("security.delegation.tokens.enabled", "true"),
            ("security.delegation.tokens.renewal.time-ratio", "0.75"),
            ("security.delegation.tokens.renewal.retry.backoff", "1 h"),
            ("security.delegation.token.provider.s3.enabled", "false"),
            (
                "fs.s3a.aws.credentials.provider",
                "com.amazonaws.auth.WebIdentityTokenCredentialsProvider",
            ),
            ("fs.s3a.aws.credentials.mapping", "org.a.FirstProvider, org.b.SecondProvider"),
            ("hadoop.security.token.service.use_ip", "false"),
            ("hadoop.security.credential.provider.path", "jceks://hdfs/a.jceks"),
            ("logger.token.level", "DEBUG"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/token"),
            ("MAX_TOKENS", "4096"),
            ("TOKEN_URL", "https://h/x"),
            ("SECRET_NAME", "prod/db"),
            ("passwordFile", "/x"),
            ("db.password.required", "TRUE"),
            ("tokenizer", "standard"),
            ("kubernetes.secrets", "db-login:/etc/login"),
            ("kubernetes.container.image.pull-secrets", "registry"),
            ("yarn.application.token-x", "7"),
            ("pass-through.headers", "x-request-id"),
            ("hadoop.http.authentication.token.validity", "36000"),
            ("fs.s3a.session.token.duration", "1h"),
            ("hadoop.security.credential.clear-text-fallback", "true"),
            ("yarn.security.appmaster.delegation.token.services", "hadoopfs"),
            ("fs.s3a.aws.credentials.provider.mapping", "A=B"),
            ("GOOGLE_APPLICATION_CREDENTIALS", "/etc/gcp/key.json"),
            ("mapreduce.job.credentials.binary", "/x"),
            ("SECRET_MANAGER", "vault"),
            ("token.issuer", "https://h"),
            ("keyStore.passwordEnvironmentVariable", "KS_PASSWORD"),
            ("api-key-rotation", "monthly"),
            ("uses-credentials", "no"),
            ("token", "none"),
            ("mesos.resourcemanager.artifactserver.plain-secrets", "maybe"),
            ("NEO4J_AUTH", "none"),
            ("KAFKA_SECRETS", "/etc/kafka/secrets"),
            ("containerized.taskmanager.env.KAFKA_SECRETS", "/etc/kafka/secrets"),
            ("TOKEN_CACHE", "/x"),
            ("TOKEN_DATA", "/var/lib/x"),
            ("HTTP_PASS_HEADERS", "x"),
            ("authorization.mode", "rbac"),
            ("hbase.security.authorization", "kerberos"),
            ("authorization", "Simple"),
            ("my.pem", "-----BEGIN PUBLIC KEY-----"),
            ("DB_PASS_FILE", "/run/secrets/db"),
        ] {
            assert!(!is_secret_value(name, value), "{name}: {value}");
        }
    }

    #[test]
    fn a_secret_is_one_whatever_it_looks_like() {
        for (name, value) in [
            ("db.password", "1234"),
            ("db.password", "12 h"),
            ("db.password", "com.example.app.Password"),
            ("my.token2", "0.5"),
            ("token", "4096"),
            ("fs.azure.account.key.a.blob.core.windows.net", "/abc=="),
            ("my.token.of.a", "eyJhbGciOi.eyJzdWIi.SflKx"),
            ("my.token.of.a", "12345678ab"),
            ("sasl.jaas.config", "x.y.Module"),
            ("client.http-headers", "a:b"),
            ("db.pass", "hush"),
            ("DB_CREDS", "user/hush"),
            ("DB_PASS_EU", "hush"),
            ("DB_PASSWORD_PROD", "hush"),
            ("my.secrets", "hush"),
            ("secret-santa.color", "red"),
            ("my.secret-prod", "hush"),
            ("my.accessTokenProd", "hush"),
            ("my.pem", "-----BEGIN RSA PRIVATE KEY-----\nhush"),
            ("my.pem", "-----BEGIN OPENSSH PRIVATE KEY-----\nhush"),
            ("my.pem", "-----BEGIN PGP PRIVATE KEY BLOCK-----\nhush"),
            ("my.pem", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nhush"),
            ("my.encryptionKey", "hush"),
            ("my.signing_key", "hush"),
            ("SSHPASS", "hush"),
            ("KAFKA_SECRETS", "hush"),
            ("KAFKA_SECRETS", "/hush"),
            ("KAFKA_SECRETS", "/Hush/"),
            ("TOKEN_CACHE", "hush"),
            ("DB_PASSWORD", "/a/b"),
            ("DB_PASS", "/a/b"),
            ("DB_PASS_EU", "/hush"),
            ("my.secrets", "/etc/kafka/secrets"),
            ("my.token.cache", "/x/y"),
            ("my.password", "${DB_PASSWORD}"),
            ("my.token", "string"),
            ("my.password", "$TOKEN"),
            ("my.authorization.token", "kerberos"),
            ("authorization", "hush"),
            ("REDISCLI_AUTH", "hush"),
            ("NEO4J_AUTH", "neo4j/hush"),
            ("ha.zookeeper.auth", "digest:user:hush"),
            ("security.ssl.key-password", "true"),
            ("mesos.source.gs.credential", "/abc"),
            ("high-availability.zookeeper.client.authorization", "digest:user:hush"),
        ] {
            assert!(is_secret_value(name, value), "{name}: {value}");
        }
    }
}
