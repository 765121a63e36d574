//! Which values must never be shown, and which only in part. What holds a secret here also travels
//! to workers as one.

use std::borrow::Cow;

use common::addresses::{has_login, has_login_in_name, without_users};

mod arguments;
mod clients;
mod in_text;
mod names;
mod ordinary;
mod other_flags;
mod references;

pub(super) use names::is_secret;
pub(super) use ordinary::{is_secret_value, names_secret};

use crate::options;
use crate::options::mesos::{TASKS_BOOTSTRAP_CMD, TASKS_TASK_MANAGER_CMD};

/// In place of a secret.
const HIDDEN: &str = "******";

/// Longer than any value that is known to be no secret, than a user before a password, and than the
/// name of a variable, in bytes.
const LONGEST_BEGINNING: usize = 256;

/// The text up to where it is clear whether a secret begins at `start`.
fn beginning(text: &str, start: usize) -> &str {
    &text[..text.floor_char_boundary(start + LONGEST_BEGINNING)]
}

/// Does the value hold a secret, by its key or by what is in it?
pub(super) fn holds_secret(key: &str, value: &str) -> bool {
    let has_login = if names::is_label(key) { has_login_in_name } else { has_login };
    let is_in_it = || {
        in_text::without_named(value, HIDDEN) != value
            || arguments::without_passwords(value, HIDDEN) != value
            || has_login(value)
            || is_signed(value)
    };
    is_secret_value(key, value) || !ordinary::is_object(key) && is_in_it()
}

/// May there be anything in this text by which [`holds_secret`] recognises a secret, in a key or in
/// a value? Nearly all files have nothing, and this takes a fifth of the time.
pub(super) fn may_hold_secret(text: &str) -> bool {
    text.contains('@')
        || text.contains(ordinary::PRIVATE_KEY)
        || in_text::may_have_secret(text)
        || arguments::may_have_client(text)
}

/// Does an address have a signature in its query? With it, anyone can read what the address names.
/// Other queries are hidden too, but most of them are no secrets:
/// `jdbc:postgresql://host/db?ssl=true`.
fn is_signed(value: &str) -> bool {
    if !value.contains("://") {
        return false;
    }
    let parameters =
        value.split(['?', '&']).skip(1).filter_map(|parameter| parameter.split_once('='));
    parameters.map(|(name, _)| name).any(names::is_signature)
}

/// The value as it may be shown: not at all, or without the secrets that can be recognised in it.
pub(super) fn shown<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    if is_secret_value(key, value) || is_free_form(key) {
        Cow::Borrowed(HIDDEN)
    } else if names::is_label(key) && !holds_secret(key, value) {
        Cow::Borrowed(value)
    } else {
        without_secrets(value)
    }
}

/// Commands for a shell. Nothing shows which part of them is a secret.
const COMMANDS: [&str; 2] = [TASKS_BOOTSTRAP_CMD.key(), TASKS_TASK_MANAGER_CMD.key()];

/// May the value hold a secret anywhere, whatever the key says? Variables of containers bring
/// secrets to other programs, under names that these choose.
fn is_free_form(key: &str) -> bool {
    COMMANDS.contains(&key) || key.starts_with("containerized.") && key.contains(".env.")
}

/// The text without the user part and the query of addresses, without the values that have the name
/// of a secret, and without the passwords of well-known clients.
pub(super) fn without_secrets(text: &str) -> Cow<'_, str> {
    let text = then(without_users(text), |text| in_text::without_named(text, HIDDEN));
    then(text, |text| arguments::without_passwords(text, HIDDEN))
}

fn then(text: Cow<'_, str>, next: impl Fn(&str) -> Cow<'_, str>) -> Cow<'_, str> {
    let changed = match next(&text) {
        Cow::Borrowed(_) => None,
        Cow::Owned(changed) => Some(changed),
    };
    changed.map_or(text, Cow::Owned)
}

/// The key as errors may show it. A password in braces or with a colon becomes a part of the key:
/// `my.password: {hush}`. So what stands below the name of a secret is hidden, unless it is the key
/// of an option.
pub(super) fn shown_key(key: &str) -> Cow<'_, str> {
    if options::is_secret(key).is_some() {
        return Cow::Borrowed(key);
    }
    match names::secret_above(key) {
        Some(name) => Cow::Owned(format!("{name}.{HIDDEN}")),
        None => without_secrets(key),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_with_the_key_of_a_secret_option_may_hold_a_secret() {
        for option in options::all().filter(|option| option.secret) {
            let key = option.key.replace(['<', '>'], "");
            assert!(may_hold_secret(&key), "{key}");
        }
        assert!(!may_hold_secret("rootLogger.level = ${env:LEVEL:-INFO} %-5p http://a/b?c=d"));
    }

    #[test]
    fn users_queries_and_secrets_are_never_shown() {
        assert_eq!(
            shown("some.key", "u:p@h,https://u:p@h/a?b password=c"),
            "***@h,https://***@h/a?*** password=******"
        );
        assert_eq!(shown("some.password", "x"), "******");
    }

    #[test]
    fn a_value_holds_a_secret_if_it_has_a_password_a_token_or_a_signature_in_it() {
        for (key, value) in [
            ("my.password", "x"),
            ("my.db.passwd", "x"),
            ("fs.azure.sas.fixed.token", "x"),
            ("high-availability.zookeeper.client.authorization", "{digest: a}"),
            ("my.url", "https://user:hush@h/x"),
            ("my.url", "https://h/x?sig=hush"),
            ("my.url", "https://h/x?a=b&X-Amz-Signature=hush"),
            ("my.url", "jdbc:postgresql://h/db?user=a&password=hush"),
            ("my.url", "s3://h/x,zk://user:hush@h1,h2/mesos"),
            ("env.java.opts.all", "-Da=b -DapiKey=hush"),
            ("my.json", r#"{"user":"a","password":"hush"}"#),
            ("pipeline.global-job-parameters", "password:hush,user:a"),
            ("mesos.resourcemanager.tasks.container.docker.parameters", "env=X=http://u:hush@h"),
            (
                "mesos.resourcemanager.tasks.container.docker.parameters",
                "init=true,env=DB_PASSWORD=hush",
            ),
            ("$internal.application.program-args", "--db-password;hush"),
            ("my.yaml", "user: a\npassword: |\n  hush\n"),
            ("containerized.taskmanager.env.API_KEY", "hush"),
            ("containerized.taskmanager.env.DB_CREDS", "hush"),
            ("env.java.opts.all", "-Ddb.pass=hush"),
            (
                "mesos.resourcemanager.tasks.container.docker.parameters",
                "health-cmd=curl -u user:hush http://h",
            ),
            ("mesos.resourcemanager.tasks.container.docker.parameters", "env=PRIVATE_KEY=hush"),
            (
                "mesos.resourcemanager.tasks.container.docker.parameters",
                "env=client-secret-eu=hush",
            ),
            ("mesos.resourcemanager.tasks.container.docker.parameters", "env=DATABASE=u:hush@h/db"),
            ("mesos.resourcemanager.tasks.container.docker.parameters", "env=DSN=u:hush@tcp(h)/d"),
            (
                "mesos.resourcemanager.tasks.container.docker.parameters",
                "health-cmd=curl -fsSu a:hush h",
            ),
            ("my.db", "u:hush@h:3306/db"),
            ("my.repository", "https://hush@h/x"),
            ("my.store", "abfs://container:hush@account/x"),
            ("pipeline.global-job-parameters", "TOKEN_PROD:hush,a:b"),
            ("my.pem", "-----BEGIN PRIVATE KEY-----\nhush"),
            ("my.pem", "-----BEGIN PGP PRIVATE KEY BLOCK-----\nhush"),
            ("my.sas", "sv=2020-08-04&ss=b&sig=hush"),
            ("mesos.resourcemanager.tasks.container.docker.parameters", "env=SSHPASS=hush"),
            ("mesos.executor.command", "REDISCLI_AUTH=hush redis-cli ping"),
        ] {
            assert!(holds_secret(key, value), "{key}: {value}");
            assert!(may_hold_secret(&format!("{key}={value}")), "{key}: {value}");
        }
        for (key, value) in [
            ("my.url", "https://h/x"),
            ("my.url", "jdbc:postgresql://h/db?ssl=true&design=flat"),
            ("my.name", "user@host?"),
            ("env.java.opts.all", "-Da=b --add-opens=java.base/java.lang=ALL-UNNAMED"),
            ("env.java.opts.all", "-Da=b -Dpassword="),
            ("my.brokers", "token-service:9092,secrets.example.org:9093"),
            ("my.image", "registry:5000/team/app-secret:1.2"),
            ("my.volumes", "secrets:/mnt:RO,/etc/secrets:/etc/secrets:RO,token-data:/data"),
            ("my.json", r#"{"token-ttl": 3600, "password-required": true, "secret": null}"#),
            ("my.reference", "secret://vault/db"),
            ("my.class", "org.example.Token::parse"),
            ("my.arguments", "--token-file /run/token --use-secrets --password"),
            ("my.text", ""),
            ("security.delegation.tokens.enabled", "true"),
            (
                "fs.s3a.aws.credentials.provider",
                "com.amazonaws.auth.WebIdentityTokenCredentialsProvider",
            ),
            (
                "mesos.resourcemanager.tasks.container.docker.parameters",
                "env=PASSWORD_FILE=/run/secrets/pw",
            ),
            ("env.java.opts.all", "-Dcom.sun.management.jmxremote.password.file=/etc/jmx/password"),
            (
                "pipeline.global-job-parameters",
                "{'token-service': 'token-service:9092', 'password.policy': 'strict'}",
            ),
            ("pipeline.global-job-parameters", "max-tokens:4096,token-ttl:5 min"),
            (
                "pipeline.global-job-parameters",
                "action:password:reset,secret-santa.topic:gifts,tokenizer:standard",
            ),
            (
                "env.java.opts.all",
                "-Dyarn.application.token-x=7 -Dsecret-santa.topic=gifts -Dmy.tokenizer=standard",
            ),
            ("kubernetes.secrets", "db-login:/etc/login,my-secret:/etc/secret"),
            ("kubernetes.env.secretKeyRef", "env:PASSWORD,secret:login,key:password"),
            ("state.checkpoints.dir", "abfss://container@account.dfs.core.windows.net/x"),
            ("hadoop.security.key.provider.path", "kms://http@kms:9600/kms"),
            ("mesos.resourcemanager.tasks.container.image.name", "flink:1.20@sha256:45b2"),
            ("my.filter.regex", ".*password=.*"),
            ("env.java.opts.all", "-p lib:mods"),
            ("my.owner", "mailto:me@example.org"),
            ("hadoop.security.auth_to_local", "RULE:[2:$1@$0](.*@EXAMPLE.COM)s/@.*//"),
        ] {
            assert!(!holds_secret(key, value), "{key}: {value}");
        }
    }

    #[test]
    fn references_types_patterns_times_paths_and_ways_to_authorize_are_no_secrets() {
        for (key, value) in [
            ("my.schema", "token:string,id:int"),
            ("my.filter.regex", r"password=(\S+)"),
            ("my.times", "10:30@UTC,12:30@+02:00"),
            ("my.brokers", "host1:9092@rack1,topic:3@broker1"),
            ("containerized.taskmanager.env.KAFKA_SECRETS", "/etc/kafka/secrets"),
            ("containerized.taskmanager.env.TOKEN_CACHE", "/x"),
            ("containerized.taskmanager.env.HTTP_PASS_HEADERS", "x"),
            ("authorization.mode", "rbac"),
            ("hbase.security.authorization", "kerberos"),
            ("env.java.opts.all", "-Ddb.password=${DB_PASSWORD} -Dapi.token=$TOKEN"),
        ] {
            assert!(!holds_secret(key, value), "{key}: {value}");
        }
    }

    #[test]
    fn a_password_in_a_command_or_in_oracles_form_is_one_and_a_name_or_an_ordinary_command_is_not()
    {
        for (key, value) in [
            ("env.java.opts.all", "-XX:OnOutOfMemoryError=\"mysqladmin -phush shutdown\""),
            (
                "mesos.resourcemanager.tasks.container.docker.parameters",
                "health-cmd=redis-cli -a hush ping",
            ),
            ("mesos.executor.command", "PGPASSWORD=${X:-hush} psql"),
            ("mesos.executor.command", "docker run --rm curl --user flink:hush http://h"),
            ("mesos.executor.command", "curl --user a:hush http://h"),
            ("mesos.executor.command", "PGPASSWORD=hush psql && ./flink-mesos-executor"),
            ("my.url", "jdbc:oracle:thin:scott/hush@host:1521/x"),
            ("containerized.taskmanager.env.DB_PASS_EU", "hush"),
            ("env.java.opts.all", "-DDB_PASS_EU=hush"),
            ("mesos.resourcemanager.framework.name", "user:hush@host:3306/db"),
        ] {
            assert!(holds_secret(key, value), "{key}: {value}");
        }
        for (key, value) in [
            ("mesos.resourcemanager.framework.name", "flink:prod@eu-west"),
            ("pipeline.name", "orders:v2@nightly"),
            ("my.artifact", "org.example:library:1.0@jar"),
            ("my.url", "jdbc:oracle:thin:@host:1521:x"),
            ("containerized.taskmanager.env.HTTP_PASS_THROUGH", "x-request-id"),
            ("mesos.executor.command", "mkdir -p /x && cp -pr a b && tar -a -cf x && ssh -p 22 h"),
            ("mesos.executor.command", "beeline -u jdbc:hive2://h:10000 -n user"),
            ("mesos.executor.command", "PGPASSWORD=$(cat /run/x) psql && sort -u a:b"),
            ("mesos.executor.command", "docker run --rm --user flink:flink x ./executor"),
            ("mesos.executor.command", "git push -u origin:main"),
            ("mesos.executor.command", "curl -H \"Authorization: Bearer $TOKEN\" http://h"),
        ] {
            assert!(!holds_secret(key, value), "{key}: {value}");
        }
    }

    #[test]
    fn a_name_that_is_no_login_is_shown() {
        let key = "mesos.resourcemanager.framework.name";
        assert_eq!(shown(key, "flink:prod@eu-west"), "flink:prod@eu-west");
        assert_eq!(shown(key, "user:hush@host:3306"), "***@host:3306");
    }

    proptest! {
        #[test]
        fn a_text_that_holds_a_secret_may_hold_one(pieces in prop::collection::vec(
            prop::sample::select(vec![
                "a", "u", "-", "--", "user", "login", "auth", ":", "=", " ", "\"", "&", "?", "sig", "Signature",
                "pass", "token", "DB_", "@", "://", "/", "mysql", "-p", "x", "1", ".", ",", ";", "{", "}",
            ]), 0..12,
        )) {
            let text = pieces.concat();
            prop_assert!(!holds_secret("a.b", &text) || may_hold_secret(&text), "{}", text);
        }

        #[test]
        fn a_quoted_secret_is_never_shown_and_no_text_causes_a_panic(
            text in r#"(\PC|[ =:/?#@"'\\]){0,30}"#,
            blanks in "[ \t\n]{0,2}",
            quote in prop::sample::select(vec!["\"", "'", "\\\""]),
        ) {
            let quoted = format!("password{blanks}={blanks}{quote}a hush{quote} {text}");
            prop_assert!(!shown("env.java.opts.all", &quoted).contains("hush"), "{}", quoted);
            _ = shown("env.java.opts.all", &format!("token{text}://{text}"));
        }
    }

    #[test]
    fn a_key_shows_nothing_below_the_name_of_a_secret_unless_it_is_an_option() {
        for (key, expected) in [
            ("my.password.hush", "my.password.******"),
            ("my.password.hu.sh", "my.password.******"),
            ("my.password:hush", "my.password:******"),
            ("fs.azure.account.key.hush", "fs.azure.account.key.******"),
            ("mesos.web.token.hush", "mesos.web.token.******"),
            ("security.delegation.tokens.enabled", "security.delegation.tokens.enabled"),
            ("mesos.secret-artifacts.key", "mesos.secret-artifacts.key"),
            (
                "containerized.taskmanager.env.DB_PASSWORD.hush",
                "containerized.taskmanager.env.DB_PASSWORD.******",
            ),
            ("my.password", "my.password"),
            ("my.password-policy.a", "my.password-policy.a"),
            ("passwords2.hush", "passwords2.******"),
            ("rest.port", "rest.port"),
        ] {
            assert_eq!(shown_key(key), expected);
        }
    }

    #[test]
    fn commands_and_variables_of_containers_are_never_shown() {
        for key in [
            "mesos.resourcemanager.tasks.bootstrap-cmd",
            "mesos.resourcemanager.tasks.taskmanager-cmd",
            "containerized.taskmanager.env.DB",
            "containerized.master.env.DB",
        ] {
            assert_eq!(shown(key, "hush"), "******", "{key}");
            assert!(!holds_secret(key, "hush"), "nothing tells that it is a secret: {key}");
        }
    }
}
