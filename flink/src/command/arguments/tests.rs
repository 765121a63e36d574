#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn parts(text: &str) -> Result<Vec<String>, String> {
    split(text, &|name| (name == "DIR").then(|| "/my dir".to_owned()))
}

#[test]
fn arguments_stand_between_blanks_outside_of_quotes() {
    for (text, expected) in [
        ("-Da=b  -Dc=d\n", vec!["-Da=b", "-Dc=d"]),
        ("-Da='b c' \"-Dd=e f\"", vec!["-Da=b c", "-Dd=e f"]),
        ("\"-Da=b -Dc=d\"", vec!["-Da=b", "-Dc=d"]),
        ("-Da=b\\ c", vec!["-Da=b c"]),
        ("-Dp='$x;`rm`' ''", vec!["-Dp=$x;`rm`", ""]),
        ("-Dq=\"\\\"x\\\" \\n\"", vec!["-Dq=\"x\" \\n"]),
        ("", vec![]),
    ] {
        assert_eq!(parts(text).unwrap(), expected, "{text}");
    }
}

#[test]
fn variables_are_replaced_and_never_split() {
    assert_eq!(
        parts("-Da=$DIR/x -Db=\"${DIR}\" -Dc=$NONE-Dd=100$").unwrap(),
        ["-Da=/my dir/x", "-Db=/my dir", "-Dc=-Dd=100$"]
    );
}

#[test]
fn commands_and_open_quotes_are_refused() {
    for text in [
        "`id`",
        "$(id)",
        "\"$(id)\"",
        "'a",
        "\"a",
        "${a",
        "${a:-b}",
        "-Da=it's",
        "-Da=say\"hi",
        "${}",
        "$$",
        "$1",
        "$'a'",
    ] {
        assert!(parts(text).is_err(), "{text}");
    }
}

#[test]
fn what_flinks_scripts_would_run_lose_or_replace_is_refused_with_the_word_and_what_is_allowed() {
    for (text, word) in [
        ("-Da=b;c -Dx=1", "-Da=b;c"),
        ("-Dx=1 -Da=b&", "-Da=b&"),
        (
            "-Dhttp.nonProxyHosts=localhost|*.example.org",
            "-Dhttp.nonProxyHosts=localhost|*.example.org",
        ),
        ("-Da=(b)", "-Da=(b)"),
        ("-Da=<b>", "-Da=<b>"),
        ("-Dx=1 *", "*"),
        ("/dir/*.jar", "/dir/*.jar"),
        ("@file?", "@file?"),
        ("-Da={b,c}", "-Da={b,c}"),
        ("-Da={1..3}", "-Da={1..3}"),
        ("-Da=`id`", "-Da=`id`"),
    ] {
        let error = parts(text).unwrap_err();
        assert!(
            error.starts_with(&format!("'{word}': "))
                && error.contains("; allowed are options between"),
            "{error}"
        );
    }
    for text in ["--token hush|x", "-Ddb.pass=a b|hush", "-Dpassword `hush`"] {
        let error = parts(text).unwrap_err();
        assert!(error.starts_with("option 2: ") && !error.contains("hush"), "{error}");
    }
    let error = parts("-Dx.keyStorePassword=hush;").unwrap_err();
    assert!(error.contains("-Dx.keyStorePassword=…") && !error.contains("hush"), "{error}");
}

#[test]
fn the_same_signs_inside_of_quotes_or_an_option_are_read() {
    for (text, expected) in [
        ("-Da='b;c|d&e(f)<g>' -Dx=1", vec!["-Da=b;c|d&e(f)<g>", "-Dx=1"]),
        (
            "\"-Dhttp.nonProxyHosts=localhost|*.example.org\" -Dx=1",
            vec!["-Dhttp.nonProxyHosts=localhost|*.example.org", "-Dx=1"],
        ),
        ("\"-Da=b|c\"", vec!["-Da=b|c"]),
        ("-Da=b\\;c", vec!["-Da=b;c"]),
        ("-Xlog:gc*:file=/x?y[1]", vec!["-Xlog:gc*:file=/x?y[1]"]),
        (
            "-Da=/dir/* -Db={c} -Dd=a,b -De={} -Df=1..2",
            vec!["-Da=/dir/*", "-Db={c}", "-Dd=a,b", "-De={}", "-Df=1..2"],
        ),
        ("'*' '{a,b}'", vec!["*", "{a,b}"]),
        ("~/x b #c", vec!["~/x", "b", "#c"]),
        ("-Da=b\n-Dc=d", vec!["-Da=b", "-Dc=d"]),
    ] {
        assert_eq!(parts(text).unwrap(), expected, "{text}");
    }
}

#[test]
fn variables_cannot_make_more_than_a_program_may_get() {
    let long = |_: &str| Some("x".repeat(100_000));
    assert!(split(&"$A ".repeat(100), &long).unwrap_err().contains("2 MB"));
    assert!(split(&"$A".repeat(100), &long).unwrap_err().contains("2 MB"));
}

proptest! {
    #[test]
    fn a_single_quoted_text_stays_whole(text in "[^']{0,20}") {
        prop_assert_eq!(parts(&format!("x '{text}'")).unwrap(), ["x".to_owned(), text]);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[$'\"{}()`\\\\ a]{0,16}") {
        parts(&text).ok();
    }
}
