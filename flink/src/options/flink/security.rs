//! Kerberos and TLS.

use std::time::Duration;

use crate::options::declare::{declare, key};

declare! {
    /// keytab of the principal; shipped as a secret
    option SECURITY_KERBEROS_LOGIN_KEYTAB: Option<String> = key("security.kerberos.login.keytab")
        .formerly(&["security.keytab"]);
    /// Kerberos principal
    option _: Option<String> = key("security.kerberos.login.principal").formerly(&["security.principal"]);
    /// Kerberos configuration; shipped
    option SECURITY_KERBEROS_KRB5_CONF_PATH: Option<String> = key("security.kerberos.krb5-conf.path");
    /// use TLS between Flink's processes and at REST
    option SECURITY_SSL_ENABLED: bool = key("security.ssl.enabled").default("false").until(2, 0);
    /// use TLS between Flink's processes
    option SECURITY_SSL_INTERNAL_ENABLED: Option<bool> = key("security.ssl.internal.enabled").default("false");
    /// use TLS at REST
    option SECURITY_SSL_REST_ENABLED: Option<bool> = key("security.ssl.rest.enabled").default("false");
    /// key store for Flink's processes and REST; shipped as a secret
    option SECURITY_SSL_KEYSTORE: Option<String> = key("security.ssl.keystore");
    /// password of the key store
    option SECURITY_SSL_KEYSTORE_PASSWORD: Option<String> = key("security.ssl.keystore-password").secret();
    /// password of the key
    option _: Option<String> = key("security.ssl.key-password").secret();
    /// trust store for Flink's processes and REST; shipped as a secret
    option SECURITY_SSL_TRUSTSTORE: Option<String> = key("security.ssl.truststore");
    /// password of the trust store
    option SECURITY_SSL_TRUSTSTORE_PASSWORD: Option<String> = key("security.ssl.truststore-password").secret();
    /// key store for Flink's processes; shipped as a secret
    option SECURITY_SSL_INTERNAL_KEYSTORE: Option<String> = key("security.ssl.internal.keystore");
    /// password of the key store for Flink's processes
    option _: Option<String> = key("security.ssl.internal.keystore-password").secret();
    /// password of the key for Flink's processes
    option _: Option<String> = key("security.ssl.internal.key-password").secret();
    /// trust store for Flink's processes; shipped as a secret
    option SECURITY_SSL_INTERNAL_TRUSTSTORE: Option<String> = key("security.ssl.internal.truststore");
    /// password of the trust store for Flink's processes
    option _: Option<String> = key("security.ssl.internal.truststore-password").secret();
    /// key store for REST; workers do not get it
    option SECURITY_SSL_REST_KEYSTORE: Option<String> = key("security.ssl.rest.keystore");
    /// password of the key store for REST
    option SECURITY_SSL_REST_KEYSTORE_PASSWORD: Option<String> = key("security.ssl.rest.keystore-password").secret();
    /// password of the key for REST
    option _: Option<String> = key("security.ssl.rest.key-password").secret();
    /// trust store for REST; workers do not get it
    option SECURITY_SSL_REST_TRUSTSTORE: Option<String> = key("security.ssl.rest.truststore");
    /// password of the trust store for REST
    option SECURITY_SSL_REST_TRUSTSTORE_PASSWORD: Option<String> = key("security.ssl.rest.truststore-password").secret();
    /// folder of Hadoop's configuration, from before Flink 1.10
    option FS_HDFS_HADOOPCONF: Option<String> = key("fs.hdfs.hadoopconf");
    /// login contexts that get the Kerberos credentials, e.g. `Client,KafkaClient`
    option _: Option<String> = key("security.kerberos.login.contexts");
    /// use the tickets of the process's user
    option _: bool = key("security.kerberos.login.use-ticket-cache").default("true");
    /// interval between two logins from the keytab
    option _: Duration = key("security.kerberos.relogin.period").default("1 min");
    /// additional file systems to get tokens for
    option _: Option<Vec<String>> = key("security.kerberos.access.hadoopFileSystems")
        .formerly(&["yarn.security.kerberos.additionalFileSystems"]);
    /// get tokens for HDFS and HBase
    option _: bool = key("security.kerberos.fetch.delegation-token").default("true").until(2, 0);
    /// pause after a renewal of tokens failed
    option _: Duration = key("security.kerberos.tokens.renewal.retry.backoff").default("1 h").until(2, 0);
    /// share of their life after which tokens are renewed
    option _: f64 = key("security.kerberos.tokens.renewal.time-ratio").default("0.75").until(2, 0);
    /// get tokens and pass them to TaskManagers
    option _: bool = key("security.delegation.tokens.enabled")
        .default("true").formerly(&["security.kerberos.fetch.delegation-token"]);
    /// pause after a renewal of tokens failed
    option _: Duration = key("security.delegation.tokens.renewal.retry.backoff")
        .default("1 h").formerly(&["security.kerberos.tokens.renewal.retry.backoff"]);
    /// share of their life after which tokens are renewed
    option _: f64 = key("security.delegation.tokens.renewal.time-ratio")
        .default("0.75").formerly(&["security.kerberos.tokens.renewal.time-ratio"]);
    /// classes that make the security context
    option _: Vec<String> = key("security.context.factory.classes")
        .default("org.apache.flink.runtime.security.contexts.HadoopSecurityContextFactory;\
            org.apache.flink.runtime.security.contexts.NoOpSecurityContextFactory");
    /// classes that make the security modules
    option _: Vec<String> = key("security.module.factory.classes")
        .default("org.apache.flink.runtime.security.modules.HadoopModuleFactory;\
            org.apache.flink.runtime.security.modules.JaasModuleFactory;\
            org.apache.flink.runtime.security.modules.ZookeeperModuleFactory");
    /// cipher suites, separated by commas; the default depends on Flink's release
    option SECURITY_SSL_ALGORITHMS: Option<String> = key("security.ssl.algorithms");
    /// TLS version
    option _: String = key("security.ssl.protocol").default("TLSv1.2");
    /// TLS provider
    option _: String = key("security.ssl.provider").any_case_of(&["JDK", "OPENSSL"]).default("JDK");
    /// whether the certificate must name the host; `true` before Flink 2.3
    option _: Option<bool> = key("security.ssl.verify-hostname");
    /// required SHA-1 of the certificate of Flink's processes
    option _: Option<String> = key("security.ssl.internal.cert.fingerprint");
    /// format of the key store
    option _: String = key("security.ssl.internal.keystore-type").default("pkcs12").since(1, 19);
    /// format of the trust store
    option _: String = key("security.ssl.internal.truststore-type").default("pkcs12").since(1, 19);
    /// how long a TLS handshake may take; -1: the system's default
    option _: i64 = key("security.ssl.internal.handshake-timeout")
        .default("-1").unit("milliseconds").formerly(&["security.ssl.handshake-timeout"]);
    /// how long sending the last TLS message may take; -1: the system's default
    option _: i64 = key("security.ssl.internal.close-notify-flush-timeout")
        .default("-1").unit("milliseconds").formerly(&["security.ssl.close-notify-flush-timeout"]);
    /// number of TLS sessions to cache; -1: the system's default
    option _: i64 = key("security.ssl.internal.session-cache-size")
        .default("-1").formerly(&["security.ssl.session-cache-size"]);
    /// how long a TLS session is cached; -1: the system's default
    option _: i64 = key("security.ssl.internal.session-timeout")
        .default("-1").unit("milliseconds").formerly(&["security.ssl.session-timeout"]);
    /// require a certificate from clients of REST
    option SECURITY_SSL_REST_AUTHENTICATION_ENABLED: bool = key("security.ssl.rest.authentication-enabled")
        .default("false");
    /// required SHA-1 of REST's certificate
    option _: Option<String> = key("security.ssl.rest.cert.fingerprint");
    /// format of the key store
    option _: String = key("security.ssl.rest.keystore-type").default("pkcs12").since(1, 19);
    /// format of the trust store
    option _: String = key("security.ssl.rest.truststore-type").default("pkcs12").since(1, 19);
    /// whether REST's certificate must name the host
    option _: bool = key("security.ssl.rest.verify-hostname").default("false").since(2, 3);
}
