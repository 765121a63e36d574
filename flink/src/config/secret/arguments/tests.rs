use super::*;

#[test]
fn a_password_that_a_well_known_client_takes_as_an_argument_is_never_shown() {
    for (text, expected) in [
        ("mysqladmin -phush ping", "mysqladmin -p****** ping"),
        ("mysql -uroot -p'hu sh' -h db x", "mysql -uroot -p****** -h db x"),
        ("a=mysqladmin -uroot password hush", "a=mysqladmin -uroot password ******"),
        (
            "health-cmd=/usr/bin/redis-cli -a hush ping",
            "health-cmd=/usr/bin/redis-cli -a ****** ping",
        ),
        ("redis-cli -h x -a \"hu sh\" ping", "redis-cli -h x -a ****** ping"),
        (r#"["redis-cli", "-a", "hush", "ping"]"#, r#"["redis-cli", "-a", ******, "ping"]"#),
        ("redis-cli,-a,hush,ping", "redis-cli,-a,******,ping"),
        ("redis-cli;-a;hush;ping", "redis-cli;-a;******;ping"),
        ("sh -c 'redis-cli -a hush'", "sh -c 'redis-cli -a ******'"),
        (r#"{"c": "redis-cli -a \"hu sh\" x"}"#, r#"{"c": "redis-cli -a ****** x"}"#),
        (r#"{"c": "mysql -phush"}"#, r#"{"c": "mysql -p******"}"#),
        ("mysql -phu'sh x'y z", "mysql -p****** z"),
        ("sshpass -p hush ssh -p 22 h", "sshpass -p ****** ssh -p 22 h"),
        ("true && sshpass -phush scp -p a h:", "true && sshpass -p****** scp -p a h:"),
        ("docker exec db mongosh -u a -p hush", "docker exec db mongosh -u a -p ******"),
        ("mongodump -p=hush", "mongodump -p=******"),
        ("ldapsearch -x -D cn=a -w hush -b dc=b", "ldapsearch -x -D cn=a -w ****** -b dc=b"),
        ("exec -- mysql -phush", "exec -- mysql -p******"),
        ("docker login -u a -p hush registry", "docker login -u a -p ****** registry"),
        ("sqlcmd -U a -P hush", "sqlcmd -U a -P ******"),
        ("beeline -u jdbc:hive2://h -n a -p hush", "beeline -u jdbc:hive2://h -n a -p ******"),
        ("curl --oauth2-bearer hush http://h", "curl --oauth2-bearer ****** http://h"),
        ("curl -E cert.pem:hush http://h", "curl -E ****** http://h"),
        ("smbclient -U user%hush //h/s", "smbclient -U ****** //h/s"),
        ("lftp -u user,hush h", "lftp -u ****** h"),
        ("sqlplus -s scott/hush@db @x/y.sql", "sqlplus -s ****** @x/y.sql"),
        ("zkCli.sh <<< 'addauth digest user:hush'", "zkCli.sh <<< 'addauth digest ******'"),
        ("hadoop credential create a -value hush", "hadoop credential create a -value ******"),
        ("7z x -phush a.7z", "7z x -p****** a.7z"),
        ("a | redis-cli -a '$hush'", "a | redis-cli -a ******"),
        ("redis-cli -a ${X:-hush}", "redis-cli -a ******"),
        ("mysql -pé x", "mysql -p****** x"),
        ("mysql -p'hush", "mysql -p******"),
        ("sqlldr userid=scott/hush control=a/b", "sqlldr ****** control=a/b"),
        ("[\n \"redis-cli\",\n \"-a\",\n \"hush\"\n]", "[\n \"redis-cli\",\n \"-a\",\n ******\n]"),
    ] {
        assert_eq!(without_passwords(text, "******"), expected);
        let again = without_passwords(expected, "******");
        assert_eq!(again, expected, "nothing more is hidden the second time");
    }
}

#[test]
fn ordinary_commands_stay_as_they_are() {
    for text in [
        "mkdir -p /x && cp -pr a b && tar -a -cf x.tgz a && ssh -p 22 h",
        "mysql -p -u root db",
        "mysql -u root -h h -P 3306 --protocol tcp x",
        "mysqladmin ping -p$MYSQL_ROOT_PASSWORD",
        "mysqladmin ping -p\"$MYSQL_ROOT_PASSWORD\"",
        "redis-cli -a ${REDIS_PASSWORD} ping",
        "redis-cli -a $(cat /run/secrets/redis) ping",
        "redis-cli -a \"$(cat /run/secrets/redis)\" ping",
        "redis-cli ping; tar -a -cf x",
        "redis-cli ping | tar -a x",
        "redis-cli -h h -p 6379 -n 1",
        "docker run -d --name mongo -p 27017:27017 mongo:7",
        "docker run --name=mongo -p 27017:27017 -p 80:80 x",
        "docker run -p 8080 x",
        "java -cp lib/mysql-connector-j-9.jar -parallel x",
        "--source mysql -parallelism 4",
        "sqlplus / as sysdba @dir/script.sql",
        "sqlplus -s /nolog",
        "curl -E cert.pem http://h",
        "http -a user http://h",
        "openssl req -key a -out b",
        "zip -r a.zip b",
        "sshpass -e ssh -p 22 h",
        "sh -c \"mysql -p\" && echo x",
        "expdp directory=a/b dumpfile=c/d",
        "mysql",
        "",
    ] {
        assert_eq!(without_passwords(text, "******"), text);
    }
}

#[test]
fn no_text_is_passed_over_that_has_a_client_in_it() {
    let pieces =
        [" ", "/", "=", "\"", "{", "-", ".", "é", "mysql", "mysqlsh", "az", "-phush", "-p x"];
    for number in 0..pieces.len().pow(4) {
        let piece = |place: u32| pieces[number / pieces.len().pow(place) % pieces.len()];
        let text = format!("{}{}{}{} -p hush", piece(0), piece(1), piece(2), piece(3));
        assert_eq!(without_passwords(&text, "***"), of_clients(&text, "***"), "{text}");
    }
}

#[test]
fn a_command_takes_time_in_proportion_to_its_length() {
    for piece in [
        "-p' ",
        "-p\"",
        "redis-cli ",
        "-a ",
        "-a \\",
        "a/b ",
        "x,",
        "'",
        "login ",
        "\"-a\"=",
        "-p$(",
    ] {
        let text = format!("mysql redis-cli sqlplus {}", piece.repeat(200_000));
        let time = || {
            nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().tv_sec()
        };
        let start = time();
        _ = without_passwords(&text, "******");
        assert!(time() - start < 10, "{piece}");
    }
}
