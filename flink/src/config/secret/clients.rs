//! Well-known clients that take a password as an argument.

/// A client and the flags that a password follows.
pub(super) struct Client {
    pub(super) programs: &'static [&'static str],
    /// The password is one only behind this word: `docker login -p`.
    pub(super) subcommand: Option<&'static str>,
    /// None: any argument that is no flag.
    pub(super) flags: &'static [&'static str],
    pub(super) form: Form,
}

/// How the password is given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Without a blank: `-phush`.
    Attached,
    /// As the next argument: `-p hush`.
    Next,
    /// In both ways.
    Either,
    /// As the next argument, behind a user and this character: `-U user%hush`.
    Behind(char),
}

const fn client(
    programs: &'static [&'static str],
    flags: &'static [&'static str],
    form: Form,
) -> Client {
    Client { programs, subcommand: None, flags, form }
}

const MYSQL: &[&str] = &[
    "mysql",
    "mysql_upgrade",
    "mysqladmin",
    "mysqlbinlog",
    "mysqlcheck",
    "mysqldump",
    "mysqlimport",
    "mysqlpump",
    "mysqlsh",
    "mysqlshow",
    "mysqlslap",
    "mariadb",
    "mariadb-admin",
    "mariadb-backup",
    "mariadb-binlog",
    "mariadb-check",
    "mariadb-dump",
    "mariadb-import",
    "mariadb-show",
    "mariadb-slap",
    "mariabackup",
    "xtrabackup",
];

const REDIS: &[&str] = &["redis-cli", "redis-benchmark", "valkey-cli", "keydb-cli"];

const MONGO: &[&str] = &[
    "mongo",
    "mongosh",
    "mongodump",
    "mongoexport",
    "mongofiles",
    "mongoimport",
    "mongorestore",
    "mongostat",
    "mongotop",
];

const LDAP: &[&str] = &[
    "ldapadd",
    "ldapcompare",
    "ldapdelete",
    "ldapmodify",
    "ldapmodrdn",
    "ldappasswd",
    "ldapsearch",
    "ldapwhoami",
];

const REGISTRY: &[&str] = &[
    "docker", "podman", "nerdctl", "buildah", "skopeo", "helm", "crane", "oras", "oc", "az", "cf",
];

const SNMP: &[&str] = &["snmpbulkwalk", "snmpget", "snmpgetnext", "snmpset", "snmpwalk"];

/// All that are known. Flags with a word for it, such as `--password`, are found by their names,
/// and `-u user:password` is found behind any program.
pub(super) const CLIENTS: &[Client] = &[
    client(MYSQL, &["-p"], Form::Attached),
    client(&["mysqladmin", "mariadb-admin"], &["password"], Form::Next),
    client(&["mycli"], &["-p"], Form::Either),
    client(REDIS, &["-a"], Form::Next),
    client(MONGO, &["-p"], Form::Either),
    client(&["sshpass"], &["-p"], Form::Either),
    client(LDAP, &["-w"], Form::Either),
    client(&["ldappasswd"], &["-a", "-s"], Form::Next),
    client(&["cqlsh"], &["-p"], Form::Either),
    client(&["sqlcmd", "bcp", "osql", "isql", "tsql", "ipmitool"], &["-P"], Form::Either),
    client(&["zip", "unzip"], &["-P"], Form::Either),
    client(&["7z", "7za", "7zr", "7zz", "rar", "unrar"], &["-p", "-hp"], Form::Attached),
    client(&["mosquitto_pub", "mosquitto_sub", "mosquitto_rr"], &["-P"], Form::Next),
    client(&["beeline", "sqlline", "sqlline.py", "cypher-shell"], &["-p"], Form::Next),
    client(&["rabbitmqadmin", "couchbase-cli", "cbq", "ncftp"], &["-p"], Form::Next),
    client(&["ncftpget", "ncftpput", "useradd", "usermod"], &["-p"], Form::Next),
    client(&["influx"], &["-p", "-t"], Form::Next),
    client(SNMP, &["-A", "-X"], Form::Next),
    client(&["plink", "pscp", "psftp", "nzsql", "kadmin"], &["-pw"], Form::Next),
    client(&["kadmin", "vsql"], &["-w"], Form::Next),
    client(&["openssl"], &["-k"], Form::Next),
    client(&["curl"], &["--oauth2-bearer"], Form::Next),
    client(&["curl"], &["-E", "--cert", "--proxy-cert"], Form::Behind(':')),
    client(&["http", "https", "xh", "hey"], &["-a"], Form::Behind(':')),
    client(&["ab"], &["-A", "-P"], Form::Behind(':')),
    client(&["smbclient", "smbget", "rpcclient"], &["-U"], Form::Behind('%')),
    client(&["lftp"], &["-u"], Form::Behind(',')),
    // scott/hush@db
    client(&["sqlplus", "sqlldr", "expdp", "impdp", "rman"], &[], Form::Behind('/')),
    // ZooKeeper's: addauth digest user:hush
    client(&["addauth"], &[], Form::Behind(':')),
    Client { subcommand: Some("credential"), ..client(&["hadoop"], &["-value"], Form::Next) },
    Client { subcommand: Some("login"), ..client(REGISTRY, &["-p"], Form::Either) },
];
