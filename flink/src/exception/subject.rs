//! What an exception is about: the port, the option or the folder that it names.

use std::fmt;

use crate::options;

/// What a port follows, or a range of them.
const BEFORE_PORTS: [&str; 4] = ["in port range ", "port range: ", " port:", "port "];

/// What a path follows in the exceptions of Java and Flink about files; elsewhere a path counts
/// only in quotes.
const BEFORE_PATHS: [&str; 8] = [
    "NoSuchFileException: ",
    "AccessDeniedException: ",
    "FileSystemException: ",
    "NotDirectoryException: ",
    "FileAlreadyExistsException: ",
    "FileNotFoundException: ",
    "directory ",
    "folder ",
];

/// Something with a name that somebody can do something about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// One port, or the first of a range and how it was named.
    Port {
        /// The first one.
        first: u16,
        /// As it is written.
        named: String,
    },
    /// The key of an option.
    Option(String),
    /// A file or folder.
    Path(String),
}

impl Subject {
    /// Of a chain of exceptions as text, what its innermost one names, or else one further out.
    pub fn of(text: &str) -> Option<Self> {
        let lines = || text.lines().rev();
        let port = || lines().find_map(port);
        let option = || lines().find_map(option);
        let path = || lines().find_map(path);
        port().or_else(option).or_else(path)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port { named, .. } => write!(f, "port {named}"),
            Self::Option(key) => f.write_str(key),
            Self::Path(path) => f.write_str(path),
        }
    }
}

fn port(line: &str) -> Option<Subject> {
    BEFORE_PORTS.iter().find_map(|before| {
        let rest = line.split_once(before)?.1;
        let end = rest
            .find(|letter: char| !letter.is_ascii_digit() && !"-,".contains(letter))
            .unwrap_or(rest.len());
        let named = rest[..end].trim_end_matches(['-', ',']);
        let first = named.split(['-', ',']).next()?.parse().ok()?;
        Some(Subject::Port { first, named: named.to_owned() })
    })
}

/// Only those that Flink or we know: classes look alike.
fn option(line: &str) -> Option<Subject> {
    let is_part =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    let parts =
        line.split(|letter: char| !is_part(letter)).map(|part| part.trim_matches(['.', '-']));
    let known =
        parts.filter(|part| part.contains('.')).find(|part| options::find(part).is_some())?;
    Some(Subject::Option(known.to_owned()))
}

fn path(line: &str) -> Option<Subject> {
    let after = |before: &&str| {
        let rest = line.split_once(*before)?.1.trim_start_matches(['\'', '"', '`']);
        rest.starts_with('/').then_some(rest)
    };
    let quoted = || {
        let mut quoted = line.match_indices(['\'', '"']).map(|(at, _)| &line[at + 1..]);
        quoted.find(|rest| rest.starts_with('/'))
    };
    let path = BEFORE_PATHS.iter().find_map(after).or_else(quoted)?;
    let end = path.find(['\'', '"', '`', ' ', ',', ':', ')']).unwrap_or(path.len());
    let path = path[..end].trim_end_matches('.');
    (path.len() > 1).then(|| Subject::Path(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_options_and_folders_are_found_in_what_flink_and_java_say() {
        for (text, expected) in [
            (
                "java.net.BindException: Could not start rest endpoint on any port in port range 28777",
                "port 28777",
            ),
            (
                "java.net.BindException: Could not start actor system on any port in port range 1-21",
                "port 1-21",
            ),
            (
                "failed to bind to host:0.0.0.0 port:28777, shutting down Netty transport",
                "port 28777",
            ),
            (
                "java.lang.RuntimeException: unable to generate\njava.nio.file.NoSuchFileException: /proc/not",
                "/proc/not",
            ),
            ("java.io.FileNotFoundException: /a/b c (Permission denied)", "/a/b"),
            ("java.io.IOException: Failed to create directory '/not/there/a'.", "/not/there/a"),
            (
                "o.a.f.c.IllegalConfigurationException: The required configuration option Key: 'taskmanager.cpu.cores' , \
                 default: null",
                "taskmanager.cpu.cores",
            ),
            ("java.io.IOException: Temporary file directory /t/x does not exist", "/t/x"),
        ] {
            assert_eq!(
                Subject::of(text).map(|subject| subject.to_string()).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        for none in [
            "java.lang.OutOfMemoryError: Java heap space",
            "a.b.C: org.apache.flink.util.X",
            "",
            "port x",
            "/",
        ] {
            assert_eq!(Subject::of(none), None, "{none}");
        }
    }
}
