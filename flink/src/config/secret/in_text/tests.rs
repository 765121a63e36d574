use super::*;

#[test]
fn a_value_after_the_name_of_a_secret_is_never_shown() {
    for (text, expected) in [
        ("-Dkey.store.password=a -Dx=b", "-Dkey.store.password=****** -Dx=b"),
        ("-DapiKey='a b' -Dx=b", "-DapiKey=****** -Dx=b"),
        ("-Dsecret=\"a b", "-Dsecret=******"),
        ("token=a,ü=b;PASSWORD=c", "token=******,ü=b;PASSWORD=******"),
        ("üpassword=é x=é", "üpassword=****** x=é"),
        ("password=", "password="),
        (
            "x.Module required user=\"a\" password = \"b c\" x=y;",
            "x.Module required user=\"a\" password = ****** x=y;",
        ),
        ("password\t=\n'a' x", "password\t=\n****** x"),
        ("password = a, x", "password = ******, x"),
        (r#"password="a\"b" x"#, "password=****** x"),
        (r#""m password=\"a b\" x=\"y\" z"#, r#""m password=****** x=\"y\" z"#),
        (r#"{"password" = "a", "x" = "y"}"#, r#"{"password" = ******, "x" = "y"}"#),
        (r"env=DB_PASSWORD\=a,x", r"env=DB_PASSWORD\=******,x"),
        ("password = ", "password = "),
        ("secret=[a, {b=c}] x", "secret=****** x"),
        ("no password here", "no password here"),
        (
            "-u 1000:1000 -p 8080:80/tcp -p 127.0.0.1:80:80 --user x",
            "-u 1000:1000 -p 8080:80/tcp -p 127.0.0.1:80:80 --user x",
        ),
        ("a-u b:c --u-x y:z -p http://h", "a-u b:c --u-x y:z -p http://h"),
        ("beeline -u jdbc:hive2://h:10000/x", "beeline -u jdbc:hive2://h:10000/x"),
        (
            "password=${DB_PASSWORD} --token $TOKEN -Dsecret=\"$(cat /run/x)\" token=$A&b=c",
            "password=${DB_PASSWORD} --token $TOKEN -Dsecret=\"$(cat /run/x)\" token=$A&b=c",
        ),
        (
            r#"{"password": "${DB_PASSWORD}", "x": "Authorization: Bearer $TOKEN"}"#,
            r#"{"password": "${DB_PASSWORD}", "x": "Authorization: Bearer $TOKEN"}"#,
        ),
        (
            "curl -u $U:$P -u \"u:${P}\" -u u:$(cat /x)",
            "curl -u $U:$P -u \"u:${P}\" -u u:$(cat /x)",
        ),
        ("password=${X:-hush} x", "password=******"),
        ("token=$hush,secret=${X}hush", "token=******,secret=******"),
        ("curl -u user:${X:-hush} b", "curl -u ****** b"),
        ("Authorization: Bearer ${X:-hush}", "Authorization: ******"),
        ("docker run --user flink:flink x", "docker run --user flink:flink x"),
        ("sort -u a:b; git push -u origin:main", "sort -u a:b; git push -u origin:main"),
        ("curl -u a:b sort -u c:d", "curl -u ****** sort -u ******"),
        (
            "docker run --rm curl -u a:b; curl --user a:b",
            "docker run --rm curl -u ******; curl --user ******",
        ),
        (r#"token:string,{"secret": "INT"},id:int"#, r#"token:string,{"secret": "INT"},id:int"#),
        ("password=string token:strings", "password=****** token:******"),
        (
            r"password=(\S+) token=.*,secret=([^&]+) password: \w+",
            r"password=(\S+) token=.*,secret=([^&]+) password: \w+",
        ),
        (
            r"token=\hush secret=.*hush password=[^hush",
            "token=****** secret=****** password=******",
        ),
        ("token=null x=y password=.*&", "token=null x=y password=******&"),
        ("sv=2020-08-04&ss=b&sig=hush", "sv=2020-08-04&ss=b&sig=******"),
        ("a sig=hush%3D&sv=2020-08-04 b", "a sig=******&sv=2020-08-04 b"),
        ("'?sv=2020-08-04&Signature=hush' b", "'?sv=2020-08-04&Signature=******' b"),
        ("h/x?X-Amz-Signature=hush,b", "h/x?X-Amz-Signature=******,b"),
        ("sig=9 && design=flat&x=y signature=RSA", "sig=9 && design=flat&x=y signature=RSA"),
        ("x?sig= y&signature=", "x?sig= y&signature="),
        (
            "action:password:reset,tokenizer:standard,a=secret-santa",
            "action:password:reset,tokenizer:standard,a=secret-santa",
        ),
    ] {
        assert_eq!(without_named(text, "******"), expected);
    }
}

#[test]
fn a_secret_in_json_yaml_a_map_or_arguments_is_never_shown_and_what_is_beside_it_stays() {
    for (text, expected) in [
        (r#"{"password":"a b","user":"c"}"#, r#"{"password":******,"user":"c"}"#),
        (r#"{"db": {"passWord" : "a\"b"}, "x": 1}"#, r#"{"db": {"passWord" : ******}, "x": 1}"#),
        (r#"{"token": {"a": ["b", "c"]}, "x": 1}"#, r#"{"token": ******, "x": 1}"#),
        (r#"{\"password\":\"a b\",\"x\":\"y\"}"#, r#"{\"password\":******,\"x\":\"y\"}"#),
        (r#"{"password":12}"#, r#"{"password":******"#),
        ("{'secret-key': 'a', user: b}", "{'secret-key': ******, user: b}"),
        ("{user: b, password: a}", "{user: b, password: ******"),
        ("password:a,user:b", "password:******,user:b"),
        ("user:b,db.secret2:a", "user:b,db.secret2:******"),
        ("'password':a;x:y", "'password':******;x:y"),
        ("--user b --db-password a --x y", "--user b --db-password ****** --x y"),
        ("--token;a;--x", "--token;******;--x"),
        ("--token;a b;--x", "--token;******;--x"),
        ("[--token, a b, c]", "[--token, ******, c]"),
        ("Authorization: Bearer a, x: y", "Authorization: ******, x: y"),
        ("authorization=basic a x", "authorization=******"),
        ("password=a b c", "password=******"),
        ("x=y password: a b c\nuser: d", "x=y password: ******\nuser: d"),
        ("password=a b c user=d --e", "password=****** user=d --e"),
        ("-Dpassword=a b --c d", "-Dpassword=****** --c d"),
        ("db.pass=a DB_CREDS=b", "db.pass=****** DB_CREDS=******"),
        ("health-cmd=curl -u user:a b", "health-cmd=curl -u ****** b"),
        (
            "curl --proxy-user 'user:a b' --user=user:c -uuser:d x",
            "curl --proxy-user ****** --user=****** -uuser:****** x",
        ),
        (r#"["-u", "user:a", "x"]"#, r#"["-u", ******, "x"]"#),
        ("curl -fsSu user:a b", "curl -fsSu ****** b"),
        ("TOKEN_PROD:a,TOKEN_SERVICE:b", "TOKEN_PROD:******,TOKEN_SERVICE:b"),
        ("a: b\npassword: |\n  c\n  d\n", "a: b\npassword: ******"),
        ("a: b\npassword: >-\n  c\n", "a: b\npassword: >******"),
        ("a: b\npasswords:\n  c: d\n  e: f", "a: b\npasswords:\n  ******"),
        ("tokens:\n- a\n- b", "tokens:\n******"),
        ("password: !!str a", "password: ******"),
        ("API_KEY=a privateKey: b", "API_KEY=****** privateKey: ******"),
        (r#"["--token", "a", "x"]"#, r#"["--token", ******, "x"]"#),
    ] {
        assert_eq!(without_named(text, "******"), expected);
        assert_eq!(
            without_named(expected, "******"),
            expected,
            "nothing more is hidden the second time"
        );
    }
}

#[test]
fn a_text_takes_time_in_proportion_to_its_length() {
    for piece in [
        " ",
        "\"",
        "\" ",
        "token-x:[",
        "tokenx",
        "token:\n",
        "token:&",
        "token:!,",
        "token:\"",
        "token.x:[",
        "password",
        "--",
        "token:",
        "= ",
        "-u a:b",
        "-u ",
        "password=a ",
        "sig=",
        "sig=a",
        "&sig=a",
        "token=null&",
        "token=null\"",
        "bearer ",
        "credential=/",
        "password=.*&",
        "password=\"\\",
        "-u=",
        "-u a:b sort ",
        "token=$",
        "token=$(",
        "token=[^",
        "password=(",
    ] {
        let text = format!("password {}", piece.repeat(50_000));
        // Of the processor, because other tests run beside this one.
        let time = || {
            nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().tv_sec()
        };
        let start = time();
        _ = without_named(&text, "******");
        assert!(time() - start < 5, "{piece}");
    }
}
