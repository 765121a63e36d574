//! Every option that the table lists for Mesos is read by some program of this project, or says why it has no effect.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use flink::options::Section;

/// Where options are read. The table itself does not count, nor do tests.
const SOURCES: [&str; 5] = ["flink/src", "overlays/src", "scheduler/src", "executor/src", "fetcher/src"];

/// Keys that are put together from a prefix and these last parts.
const PUT_TOGETHER: [&str; 6] = [
    "mesos.resourcemanager.framework.",
    "mesos.source.https.",
    "mesos.source.s3.",
    "mesos.source.gs.",
    "mesos.source.hdfs.",
    "mesos.source.webhdfs.",
];

#[test]
fn every_option_of_ours_is_read_somewhere_or_says_that_it_has_no_effect() {
    let sources = all_sources();
    let is_there = |text: &str| sources.contains(text);
    for option in [Section::Upstream, Section::Ours].into_iter().flat_map(Section::options) {
        let key = option.key.split_once('<').map_or(option.key, |(before, _)| before);
        let parts = PUT_TOGETHER.iter().find_map(|prefix| Some((prefix, key.strip_prefix(prefix)?)));
        let parts_are_read = parts.is_some_and(|(prefix, last)| {
            // `mesos.source.` takes the name of the source in between.
            let kind = prefix.trim_end_matches('.').rsplit('.').next().unwrap();
            is_there(&format!("\"{last}\"")) && (is_there(prefix) || is_there(&format!("\"{kind}\"")))
        });
        let is_read = is_there(&format!("\"{key}\"")) || parts_are_read;
        assert_eq!(is_read, option.without_effect.is_none(), "{}", option.key);
    }
}

fn all_sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut texts = String::new();
    for folder in SOURCES {
        collect(&root.join(folder), &mut texts);
    }
    texts
}

fn collect(folder: &Path, texts: &mut String) {
    for entry in fs_err::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            if !path.ends_with("flink/src/options") && !path.ends_with("tests") {
                collect(&path, texts);
            }
        } else if !path.ends_with("tests.rs") {
            // What follows is the file's own tests.
            let text = fs_err::read_to_string(&path).unwrap();
            texts.push_str(text.split("#[cfg(test)]").next().unwrap());
        }
    }
}
