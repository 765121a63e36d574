//! What readers of configurations need grows with their input and not with its square, and has an
//! end.
//!
//! Measured is the time of the processor for this thread alone, of an input and of one eight times
//! as long: other work on the machine does not count.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::path::Path;

use flink::command::job_manager_properties;
use flink::config::{Configuration, Source};
use flink::version::FlinkVersion;
use nix::time::{ClockId, clock_gettime};
use tempfile::TempDir;

const V2: FlinkVersion = FlinkVersion { major: 2, minor: 3, patch: 0 };
const V1_18: FlinkVersion = FlinkVersion { major: 1, minor: 18, patch: 1 };

/// Of this thread, in nanoseconds.
fn processor_time() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap();
    u64::try_from(time.tv_sec() * 1_000_000_000 + time.tv_nsec()).unwrap()
}

/// The least of three.
fn cost(run: &dyn Fn()) -> u64 {
    let once = || {
        let before = processor_time();
        run();
        processor_time() - before
    };
    (0..3).map(|_| once()).min().unwrap()
}

/// Eight times the input may need 8 times as long; the square would be 64 times. What the machine
/// does beside the test can make one comparison wrong, but not each of ten; what grows with the
/// square fails all of them.
fn check<T>(what: &str, prepare: impl Fn(usize) -> T, run: impl Fn(&T)) {
    // Long enough to be measured, and eight times as much is still accepted.
    let mut size = 32;
    let mut small = prepare(size);
    while size < 30_000 && cost(&|| run(&small)) < 1_000_000 {
        size *= 2;
        small = prepare(size);
    }
    let large = prepare(8 * size);
    let is_in_proportion = (0..10).any(|_| {
        let (small, large) = (cost(&|| run(&small)), cost(&|| run(&large)));
        println!(
            "{what}: {size} {:.1} ms, {} {:.1} ms",
            small as f64 / 1e6,
            8 * size,
            large as f64 / 1e6
        );
        large < 28 * small.max(200_000)
    });
    assert!(
        is_in_proportion,
        "{what}: {} need more than 28 times as long as {size}, ten times in a row",
        8 * size
    );
}

/// Below a folder with a configuration file: where the file is written again.
const WRITTEN: &str = "written";

/// A folder with a configuration file of this text.
fn folder_with(name: &str, text: &str) -> TempDir {
    assert!(text.len() < 16 << 20, "{} bytes would be refused unread", text.len());
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join(name), text).unwrap();
    fs_err::create_dir(folder.path().join(WRITTEN)).unwrap();
    folder
}

fn load(folder: &TempDir, version: FlinkVersion) {
    if let Ok(config) = Configuration::load(folder.path(), &version) {
        flink::check::check(&config);
        config.write(&folder.path().join(WRITTEN), &version).unwrap();
    }
}

fn yaml(what: &str, text: impl Fn(usize) -> String) {
    let prepare = |size| folder_with("config.yaml", &text(size));
    check(&format!("config.yaml, {what}"), prepare, |folder| load(folder, V2));
}

fn lines(size: usize, line: impl Fn(usize) -> String) -> String {
    (0..size).map(line).collect()
}

#[test]
fn config_yaml_is_read_in_time_that_grows_with_it() {
    yaml("keys", |size| lines(size, |i| format!("key{i}: value\n")));
    yaml("unknown keys of Mesos", |size| {
        lines(size, |i| format!("mesos.resourcemanager.task{i}.cpus: 1\n"))
    });
    yaml("old names", |size| lines(size, |i| format!("web.port{i}: 1\n")));
    yaml("keys of one map", |size| format!("a:\n{}", lines(size, |i| format!("  k{i}: v\n"))));
    yaml("keys with a dot", |size| lines(size, |i| format!("a.b{}.c{i}: v\n", i % 7)));
    yaml("the same key in two ways", |size| lines(size, |i| format!("a.b{}:\n  c{i}: v\n", i % 2)));
    yaml("a list", |size| format!("a:\n{}", lines(size, |i| format!("- v{i}\n"))));
    yaml("a list in brackets", |size| format!("a: [{}]\n", lines(size, |i| format!("v{i}, "))));
    yaml("a list of maps", |size| format!("a: [{}]\n", lines(size, |i| format!("{{k{i}: v}}, "))));
    yaml("a map in a list", |size| format!("a: [{{{}}}]\n", lines(size, |i| format!("k{i}: v, "))));
    yaml("a map with keys that are lists", |size| {
        format!("a: [{{{}}}]\n", lines(size, |i| format!("[k{i}]: v, ")))
    });
    yaml("a set", |size| format!("a: !!set {{{}}}\n", lines(size, |i| format!("k{i}, "))));
    yaml("a long value", |size| format!("a: {}\n", "v".repeat(20 * size)));
    yaml("a value of many parts", |size| format!("a: {}\n", "v ".repeat(10 * size)));
    yaml("a value of many lines", |size| format!("a:\n{}", "  v\n".repeat(5 * size)));
    yaml("a quoted value", |size| format!("a: \"{}\"\n", "\\n".repeat(10 * size)));
    yaml("a quoted value of many lines", |size| format!("a: '{}'\n", "v\n\n  ".repeat(5 * size)));
    yaml("a block", |size| format!("a: |\n{}", "  v\n".repeat(5 * size)));
    yaml("a folded block", |size| format!("a: >\n{}", "  v\n\n".repeat(5 * size)));
    yaml("a block without end", |size| format!("a: |\n{}", "\n".repeat(20 * size)));
    yaml("a long key", |size| format!("{}: v\n", "k".repeat(20 * size)));
    yaml("a key of many parts", |size| format!("mesos{}: v\n", ".token-a".repeat(size)));
    yaml("a long key with a question mark", |size| format!("? {}\n: v\n", "k".repeat(20 * size)));
    yaml("comments", |size| "# comment\n".repeat(5 * size));
    yaml("one long comment", |size| format!("# {}\n", "c ".repeat(20 * size)));
    yaml("comments after values", |size| {
        lines(size, |i| format!("k{i}: v # {}\n", "c".repeat(20)))
    });
    yaml("empty lines", |size| format!("a: b\n{}c: d\n", "\n".repeat(20 * size)));
    yaml("blanks", |size| format!("a: {}b\n", " ".repeat(20 * size)));
    yaml("tabs", |size| format!("a: b{}\n", "\t".repeat(20 * size)));
    yaml("anchors", |size| lines(size, |i| format!("k{i}: &a{i} v\n")));
    yaml("aliases of a text", |size| {
        format!("a: &a v\n{}", lines(size, |i| format!("k{i}: *a\n")))
    });
    yaml("aliases of a text in a list", |size| format!("a: &a v\nb: [{}]\n", "*a, ".repeat(size)));
    yaml("tags", |size| lines(size, |i| format!("k{i}: !!str 5\n")));
    yaml("open brackets", |size| format!("a: {}\n", "[".repeat(size)));
    yaml("closed brackets", |size| format!("a: {}\n", "]".repeat(20 * size)));
    yaml("braces in lists", |size| format!("a: [{}]\n", "[{a: [b]}], ".repeat(size)));
    yaml("questions", |size| "? a\n".repeat(size));
    yaml("explicit keys", |size| lines(size, |i| format!("? k{i}\n: v\n")));
    yaml("colons", |size| format!("a: {}\n", ":".repeat(20 * size)));
    yaml("quotes", |size| format!("a: {}\n", "'".repeat(20 * size)));
    yaml("a quote that is not closed", |size| format!("a: \"{}", "b\n".repeat(10 * size)));
    yaml("hyphens", |size| format!("a: {}\n", "-".repeat(20 * size)));
    yaml("lists in lists on a line", |size| format!("a:\n{}", "- ".repeat(size)));
    yaml("directives", |size| "%FOO bar\n".repeat(size));
    yaml("documents", |size| "---\n".repeat(size));
    yaml("digits", |size| format!("a: 0.{}\n", "1".repeat(20 * size)));
    yaml("hexadecimal digits", |size| lines(size, |i| format!("k{i}: 0x{}\n", "f".repeat(100))));
    yaml("indentation that grows", |size| {
        lines(size.min(800), |i| format!("{}k{i}:\n", " ".repeat(i)))
    });
    yaml("numbers", |size| lines(size, |i| format!("k{i}: {i}.5e{}\n", i % 300)));
}

#[test]
fn flink_conf_yaml_is_read_in_time_that_grows_with_it() {
    let flat = |what: &str, text: &dyn Fn(usize) -> String| {
        let prepare = |size| folder_with("flink-conf.yaml", &text(size));
        check(&format!("flink-conf.yaml, {what}"), prepare, |folder| load(folder, V1_18));
    };
    flat("keys", &|size| lines(size, |i| format!("key{i}: value\n")));
    flat("one key", &|size| "key: value\n".repeat(5 * size));
    flat("lines without a value", &|size| "key\n".repeat(5 * size));
    flat("carriage returns", &|size| "a: b\r".repeat(5 * size));
    flat("comments", &|size| "a: b # #\n".repeat(5 * size));
    flat("colons", &|size| ": ".repeat(20 * size));
    flat("a long value", &|size| format!("a: {}\n", "v ".repeat(20 * size)));
}

/// A configuration of one value.
fn with(key: &str, value: String) -> Configuration {
    let mut config = Configuration::new();
    config.set(key, value, Source::DynamicProperty);
    config
}

#[test]
fn values_are_read_in_time_that_grows_with_them() {
    type Form<'a> = (&'a str, &'a str, &'a str, &'a str);
    let forms: [Form<'_>; 17] = [
        ("parts", "", "a;", ""),
        ("empty parts", "", ";", ""),
        ("quoted parts", "", "'a';", ""),
        ("quotes in a part", "'", "''", "'"),
        ("a quote that is not closed", "'", "a;", ""),
        ("a sequence", "[", "a, ", "]"),
        ("a sequence that is not closed", "[", "a, ", ""),
        ("brackets", "", "[", ""),
        ("dashes", "", "- ", ""),
        ("dashes on lines", "", "- a\n", ""),
        ("pairs", "", "a:b,", ""),
        ("colons", "", ":", ""),
        ("commas", "", ",", ""),
        ("a mapping", "{", "a: b, ", "}"),
        ("braces", "", "{", ""),
        ("blanks", "", " ", "a"),
        ("digits", "", "1", ""),
    ];
    for (what, before, repeated, after) in forms {
        let prepare = |size| with("k", format!("{before}{}{after}", repeated.repeat(20 * size)));
        check(&format!("values, {what}"), prepare, |config| {
            drop((
                config.get_list("k"),
                config.get_map("k"),
                config.get_duration("k"),
                config.get_memory("k"),
            ));
            drop((config.get_i64("k"), config.get_f64("k"), config.get_bool("k")));
        });
    }
    let pairs =
        |size| with("k", (0..size).map(|i| format!("k{i}:v")).collect::<Vec<_>>().join(","));
    check("values, a map of many keys", pairs, |config| drop(config.get_map("k").unwrap()));
    let below = |size| {
        let mut config = Configuration::new();
        for i in 0..size {
            config.set(format!("k.{i}"), "v", Source::DynamicProperty);
        }
        config
    };
    check("values, a map below a key", below, |config| drop(config.get_map("k").unwrap()));
    let long = |size| with(&"external-resource.a.param.".repeat(size), String::new());
    check("keys of resources, long ones", long, |config| drop(flink::check::check(config)));
    let long = |size: usize| with(&format!("mesos.{}", "x".repeat(20 * size)), String::new());
    check("keys of Mesos, long ones", long, |config| drop(flink::check::check(config)));
}

#[test]
fn secrets_are_found_in_time_that_grows_with_the_text() {
    for (before, repeated) in [
        ("redis-cli ", "\"-a\"="),
        ("redis-cli ", "\"-a\"=x"),
        ("mysql ", "-p$("),
        ("mysql ", "-p\"$("),
        ("mysql ", "'-p'="),
        ("curl ", "\"-E\"="),
        ("curl ", "\"-E\"=a"),
        ("lftp ", "'-u'=a"),
        ("", "sqlplus a\";"),
        ("sqlplus ", "\"a\"="),
        ("docker ", "\"login\"=\"-p\"="),
        ("", "token=null&"),
        ("", "token=null\""),
        ("", "token="),
        ("", "token=bearer "),
        ("token=", "bearer "),
        ("token:", "&a "),
        ("", "credential=/"),
        ("", "token-x=1"),
        ("", "password=.*&"),
        ("", "password=\"\\"),
        ("", "password='\\"),
        ("", "\\\"password\\\":\\\"null"),
        ("", "-u="),
        ("", "--user=a"),
        ("", "http://u:p@h,"),
        ("", "http://u:p@h"),
        ("", "https://h/a?b=c,"),
        ("", "https://h/?#"),
        ("", "zk://u:p@h,"),
        ("", "://"),
        ("", "u:p@h,"),
        ("", "h/a?b=c,"),
        ("", "@:"),
        ("", "jdbc:oracle:thin:u/p@h,"),
        ("", "jdbc:oracle:thin:u/\"p"),
        ("", "jdbc:oracle:"),
    ] {
        let prepare = |size| format!("{before}{}", repeated.repeat(5 * size));
        check(&format!("secrets, {before}{repeated}…"), prepare, |text| {
            drop(Configuration::shown("k", text));
            Configuration::holds_secret("k", text);
            drop(Configuration::shown_key(text));
        });
    }
}

#[test]
fn java_options_are_split_in_time_that_grows_with_them() {
    for (what, repeated) in [
        ("arguments", "-Da=b "),
        ("quotes", "'a b' "),
        ("variables", "$A "),
        ("backslashes", "\\a"),
        ("blanks", " "),
    ] {
        let prepare = |size| with("env.java.opts.all", repeated.repeat(5 * size));
        check(&format!("options of java, {what}"), prepare, |config| {
            drop(job_manager_properties(config));
        });
    }
}

#[test]
fn aliases_that_multiply_have_an_end() {
    let list = |level: usize| {
        format!("l{level}: &l{level} [{}]\n", format!("*l{}, ", level - 1).repeat(2))
    };
    let map = |level: usize| format!("m{0}: &m{0} {{a: *m{1}, b: *m{1}}}\n", level, level - 1);
    let folder = tempfile::tempdir().unwrap();
    let refused = |text: String| {
        fs_err::write(folder.path().join("config.yaml"), text).unwrap();
        Configuration::load(folder.path(), &V2).err().map(|error| error.to_string())
    };
    // Lists are printed with the aliases, so that they do not multiply; Flink takes 50 of them.
    assert_eq!(refused(format!("l0: &l0 [x]\n{}", (1..25).map(list).collect::<String>())), None);
    let error = refused(format!("l0: &l0 [x]\n{}", (1..27).map(list).collect::<String>())).unwrap();
    assert!(error.contains("too large: more than 50 aliases"), "{error}");
    let error =
        refused(format!("m0: &m0 {{x: y}}\n{}", (1..25).map(map).collect::<String>())).unwrap();
    assert!(error.contains("too large: more than 100000 values or 16 MB"), "{error}");
    let error =
        refused(format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(20))).unwrap();
    assert!(error.contains("16 MB"), "{error}");
    let long = "k".repeat(1000);
    let deep = lines(200, |i| format!("{}{long}:\n", " ".repeat(i)));
    let wide = lines(1000, |i| format!("{}k{i}: v\n", " ".repeat(200)));
    assert!(refused(format!("{deep}{wide}")).unwrap().contains("16 MB"));
    // Each alias brings all levels of what it stands for.
    let levels = |level: usize| {
        format!("d{level}: &d{level} {}*d{}{}\n", "[".repeat(200), level - 1, "]".repeat(200))
    };
    let error =
        refused(format!("d0: &d0 [x]\n{}", (1..40).map(levels).collect::<String>())).unwrap();
    assert!(error.contains("too deep: more than 1000"), "{error}");
}

#[test]
fn files_of_any_size_and_depth_are_refused_before_they_need_more_than_they_should() {
    let folder = tempfile::tempdir().unwrap();
    let error = |name: &str, version: FlinkVersion, text: &str| {
        let path: &Path = folder.path();
        fs_err::write(path.join(name), text).unwrap();
        Configuration::load(path, &version).unwrap_err().to_string()
    };
    let large = "# comment\n".repeat(2 << 20);
    assert!(error("config.yaml", V2, &large).contains("too large: more than 16 MB"));
    assert!(error("flink-conf.yaml", V1_18, &large).contains("too large: more than 16 MB"));
    assert!(
        error("flink-conf.yaml", V1_18, &"a: b\n".repeat(100_001))
            .contains("100001: too large: more than 100000 values")
    );
    assert!(
        error("config.yaml", V2, &format!("a: {}\n", "[".repeat(300))).contains("config.yaml:1: ")
    );
    let deep = lines(300, |i| format!("{}k:\n", " ".repeat(i)));
    let error = error("config.yaml", V2, &deep);
    assert!(error.contains("config.yaml:256: "), "{error}");
}
