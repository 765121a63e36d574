//! Paths inside a tree: the only paths that a manifest may contain, so that nothing can be written
//! outside the tree.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

/// Longest path, in bytes (Linux's `PATH_MAX`, minus room for the tree's own path).
const MAX_PATH: usize = 3072;
/// Longest name between two slashes, in bytes (Linux's `NAME_MAX`).
const MAX_NAME: usize = 255;

/// The most components of a path: far more than any real tree has, and few enough to check all
/// folders above a path quickly.
pub const MAX_DEPTH: usize = 100;

/// A relative, `/`-separated path that stays inside its tree: no empty component, no `.` or `..`,
/// no control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(Arc<str>);

/// A path that is not allowed in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path `{}` {reason} (allowed: relative, `/`-separated, no `.` or `..`, no control characters)", path.escape_debug())]
pub struct TreePathError {
    /// The path as given.
    pub path: String,
    /// Why it is not allowed.
    pub reason: &'static str,
}

impl TreePath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as text, without a copy.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// This path in a tree at `root`.
    pub fn under(&self, root: &Path) -> PathBuf {
        root.join(&*self.0)
    }

    /// The first component: a folder, or the file's name.
    pub fn first(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// The folders that contain this path, outermost first, without the tree's root.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').filter_map(|(at, _)| self.0.get(..at))
    }

    /// The text of a symbolic link at this path that leads to `target`, both in the same tree.
    pub fn link_text(&self, target: &Self) -> String {
        let here: Vec<&str> = self.0.split('/').collect();
        let there: Vec<&str> = target.0.split('/').collect();
        let folders = here.len().saturating_sub(1);
        let common =
            here.iter().take(folders).zip(&there).take_while(|(one, other)| one == other).count();
        let common = common.min(there.len().saturating_sub(1));
        let mut parts = vec![".."; folders - common];
        parts.extend(there.iter().skip(common));
        parts.join("/")
    }

    /// The target of a symbolic link at this path with the text `link`, if it is inside the tree.
    pub fn resolve_link(&self, link: &str) -> Result<Self, TreePathError> {
        let outside = || TreePathError { path: link.to_owned(), reason: "leads out of the tree" };
        if link.starts_with('/') {
            return Err(outside());
        }
        let mut parts: Vec<&str> = self.0.split('/').collect();
        parts.pop();
        for part in link.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop().ok_or_else(outside)?;
                }
                name => parts.push(name),
            }
        }
        parts.join("/").parse()
    }
}

impl FromStr for TreePath {
    type Err = TreePathError;

    fn from_str(text: &str) -> Result<Self, TreePathError> {
        if is_plain(text) {
            return Ok(Self(text.into()));
        }
        let reason = if text.is_empty() {
            "is empty"
        } else if text.len() > MAX_PATH {
            "is longer than 3072 bytes"
        } else if text.starts_with('/') {
            "is absolute"
        } else if text.chars().any(char::is_control) {
            "contains a control character"
        } else if text.split('/').any(str::is_empty) {
            "has an empty part"
        } else if text.split('/').any(|part| part == "." || part == "..") {
            "contains `.` or `..`"
        } else if text.split('/').any(|part| part.len() > MAX_NAME) {
            "has a name longer than 255 bytes"
        } else if text.split('/').count() > MAX_DEPTH {
            "has more than 100 parts"
        } else {
            return Ok(Self(text.into()));
        };
        Err(TreePathError { path: text.chars().take(200).collect(), reason })
    }
}

/// Checks plain ASCII text, as most paths are, in one pass, because a manifest has many paths. If
/// it returns false, the slower check decides.
fn is_plain(text: &str) -> bool {
    let (mut name, mut depth, mut dots) = (0, 1, 0);
    for byte in text.bytes() {
        match byte {
            b'/' if name == 0 || name == dots => return false,
            b'/' => (name, depth, dots) = (0, depth + 1, 0),
            b'.' => (name, dots) = (name + 1, dots + 1),
            b' '..=b'~' => name += 1,
            _ => return false,
        }
        if name > MAX_NAME {
            return false;
        }
    }
    name > dots && depth <= MAX_DEPTH && text.len() <= MAX_PATH
}

impl fmt::Display for TreePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Component;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_that_leave_the_tree_are_rejected() {
        for text in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../a",
            "a/..",
            "a/../b",
            "./a",
            "a/.",
            "a//b",
            "a/",
            "a\0b",
            "a\nb",
        ] {
            assert!(text.parse::<TreePath>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn usual_names_are_accepted() {
        for text in
            ["a", "lib/flink dist-1.20.5.jar", "..a/b..", "lib/ü.jar", "a\\b", "plugins/x/.keep"]
        {
            assert_eq!(text.parse::<TreePath>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_link_that_leads_above_the_root_is_rejected() {
        let link: TreePath = "lib/x/a.jar".parse().unwrap();
        assert_eq!(link.resolve_link("../b.jar").unwrap().as_str(), "lib/b.jar");
        assert!(link.resolve_link("../../../b.jar").is_err());
        assert!(link.resolve_link("/b.jar").is_err());
        assert!(link.resolve_link("../..").is_err(), "the root itself is no path in the tree");
    }

    proptest! {
        #[test]
        fn the_fast_check_agrees_with_the_slow_one(text in "[a./ ü\u{1}]{0,8}") {
            let closely = !text.is_empty()
                && !text.chars().any(char::is_control)
                && text.split('/').all(|part| !["", ".", ".."].contains(&part));
            prop_assert_eq!(text.parse::<TreePath>().is_ok(), closely);
            prop_assert!(!is_plain(&text) || closely);
        }

        #[test]
        fn every_accepted_path_joins_to_a_path_below_the_root(text in "[a./\\\\\\PC]{0,24}") {
            if let Ok(path) = text.parse::<TreePath>() {
                let joined = path.under(Path::new("/root"));
                prop_assert!(joined.starts_with("/root") && joined != Path::new("/root"));
                prop_assert!(joined.components().skip(1).all(|part| matches!(part, Component::Normal(_))));
            }
        }

        #[test]
        fn a_links_text_leads_back_to_its_target(from in "[ab](/[ab]){0,4}", to in "[ab](/[ab]){0,4}") {
            let (from, to): (TreePath, TreePath) = (from.parse().unwrap(), to.parse().unwrap());
            prop_assert_eq!(from.resolve_link(&from.link_text(&to)).unwrap(), to);
        }
    }
}
