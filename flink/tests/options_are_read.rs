//! Each option is written once, Flink's own too: in its declaration. Readers name the declaration.
//! Every option that the table lists for Mesos has a reader, or says why it has no effect.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use flink::options::{Declaration, Section, all};

/// Where options are read. The tables do not count, nor do tests.
const SOURCES: [&str; 8] = [
    "flink/src",
    "overlays/src",
    "scheduler/src",
    "appmaster/src",
    "executor/src",
    "fetcher/client/src",
    "fetcher/sources/src",
    "fetcher/sidecar/src",
];

const TABLES: [&str; 2] = ["flink/src/options/mesos", "flink/src/options/flink"];

/// Names keys that are gone.
const OF_EARLIER: &str = "options/removed.rs";

/// Files that are tests as a whole.
const TESTS: [&str; 2] = ["tests.rs", "behaviour.rs"];

/// Options of which a source takes the last part, whatever its name: `fetcher_sources::Settings`.
const OF_SOURCES: &str = "mesos.source.";

fn ours() -> impl Iterator<Item = &'static Declaration> {
    [Section::Upstream, Section::Ours].into_iter().flat_map(Section::options)
}

#[test]
fn every_option_of_ours_is_read_somewhere_or_says_that_it_has_no_effect() {
    let names = names();
    let sources = sources();
    let is_there = |word: &str| sources.iter().any(|(_, text)| has_word(text, word));
    for option in ours() {
        let (_, name) = names.iter().find(|(key, _)| key == option.key).unwrap();
        let is_read =
            match option.key.strip_prefix(OF_SOURCES).and_then(|rest| rest.split_once('.')) {
                Some((_, last)) => is_there(&format!("\"{last}\"")),
                None => name != "_" && is_there(name),
            };
        assert_eq!(is_read, option.without_effect.is_none(), "{}", option.key);
    }
}

#[test]
fn every_option_of_flinks_that_has_a_name_for_readers_is_read_somewhere() {
    let sources = sources();
    let named: Vec<_> = names().into_iter().filter(|(_, name)| name != "_").collect();
    assert!(named.len() > 150, "{named:?}");
    for (key, name) in named {
        assert!(
            sources.iter().any(|(_, text)| has_word(text, &name)),
            "{key}: nothing reads {name}"
        );
    }
}

#[test]
fn no_key_of_an_option_is_written_a_second_time() {
    let mut again = Vec::new();
    for (path, text) in sources() {
        for literal in literals(&text) {
            let key = literal.split_once([':', '=']).map_or(literal, |(before, _)| before);
            // What stands before the part that the user names is as good as the key.
            let is_key = |option: &Declaration| option.key.split('<').next() == Some(key);
            let is_old_key = |option: &Declaration| option.deprecated.contains(&key);
            // A key that is put together out of its parts.
            let beginning = literal.split_once('{').map_or("", |(before, _)| before);
            let begins =
                |option: &Declaration| beginning.contains('.') && option.key.starts_with(beginning);
            if all().any(|option| is_key(option) || is_old_key(option) || begins(option)) {
                again.push(format!("{}: {literal}", path.display()));
            }
        }
    }
    assert!(again.is_empty(), "use the declarations in flink::options in place of {again:#?}");
}

#[test]
fn messages_name_only_options_that_exist() {
    let mut unknown = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| !path.ends_with(OF_EARLIER)) {
        for word in
            literals(&text).into_iter().flat_map(|literal| literal.split(|c: char| !is_of_key(c)))
        {
            let word = word.trim_end_matches('.');
            let begins = |option: &Declaration| {
                option.key.strip_prefix(word).is_some_and(|rest| rest.starts_with('.'))
            };
            let is_known = |option: &Declaration| {
                option.key.split('<').next().unwrap().trim_end_matches('.') == word
            };
            if word.starts_with("mesos.")
                && !ours().any(|option| is_known(option) || begins(option))
            {
                unknown.push(format!("{}: {word}", path.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

fn is_of_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/')
}

fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    text.match_indices(word).any(|(at, _)| {
        !is_part(text[..at].chars().next_back()) && !is_part(text[at + word.len()..].chars().next())
    })
}

/// The keys of all options, and the names of their declarations.
fn names() -> Vec<(String, String)> {
    let mut names = Vec::new();
    let folders =
        TABLES.into_iter().flat_map(|folder| fs_err::read_dir(root().join(folder)).unwrap());
    for file in folders {
        let text = fs_err::read_to_string(file.unwrap().path()).unwrap();
        names.extend(text.split("\n    option ").skip(1).map(|declaration| {
            let name = declaration.split(':').next().unwrap();
            let key = declaration.split('"').nth(1).unwrap();
            (key.to_owned(), name.to_owned())
        }));
    }
    names
}

/// The texts in quotes, without comments.
fn literals(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let from = &rest[at..];
        if from.starts_with("//") {
            rest = from.split_once('\n').map_or("", |(_, rest)| rest);
        } else if from.starts_with("'\"'") || from.starts_with("'\\\"'") {
            rest = from.split_once('"').unwrap().1;
        } else if let Some(inside) = from.strip_prefix('"') {
            let is_end = |(at, _): &(usize, &str)| {
                let before = &inside[..*at];
                (before.len() - before.trim_end_matches('\\').len()).is_multiple_of(2)
            };
            let Some((end, _)) = inside.match_indices('"').find(is_end) else { break };
            found.push(&inside[..end]);
            rest = &inside[end + 1..];
        } else {
            rest = &from[1..];
        }
    }
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files with what is not a test in them.
fn sources() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for folder in SOURCES {
        collect(&root().join(folder), &mut files);
    }
    assert!(files.len() > 200, "{}", files.len());
    files
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in fs_err::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let is = |name| path.ends_with(name);
        if path.is_dir() {
            if !TABLES.into_iter().any(is) && !is("tests") && !is("benches") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !TESTS.into_iter().any(is)
        {
            // What follows is the file's own tests.
            let text = fs_err::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
            files.push((path, text));
        }
    }
}
