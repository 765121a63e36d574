//! URIs of sources.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use common::addresses::masked;
use reqwest::Url;

/// The kinds of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// `file:///path` or a plain absolute path, on this machine.
    File,
    /// `http://`
    Http,
    /// `https://`
    Https,
    /// `s3://bucket/key`, or Hadoop's `s3a://` and `s3n://`.
    S3,
    /// `gs://bucket/object`
    Gs,
    /// `hdfs://namenode[:port]/path`; through its web interface.
    Hdfs,
    /// `webhdfs://namenode[:port]/path`
    WebHdfs,
}

/// The URI of a source. `Display` and `Debug` leave out passwords and the query, which may contain
/// a signature.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SourceUri {
    scheme: Scheme,
    /// The text between `//` and the next `/`.
    authority: String,
    /// The rest, from that `/` on.
    path: String,
}

/// A text that is not the URI of a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}: {reason}")]
pub struct UriError {
    /// The text without secrets.
    pub text: String,
    /// Why it is invalid, and what is allowed.
    pub reason: &'static str,
}

const ALLOWED: &str = "unknown kind of source (allowed: an absolute path, file://, http://, https://, s3://, gs://, hdfs://, webhdfs://)";

impl SourceUri {
    /// The kind.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The last component of its path, to name a file after.
    pub fn name(&self) -> &str {
        let path = match self.scheme {
            // In a file's name, only a slash has a meaning.
            Scheme::File => self.path.as_str(),
            _ => self.path.split(['?', '#']).next().unwrap_or_default(),
        };
        path.rsplit('/').next().unwrap_or_default()
    }

    /// The full URI, for connecting. It may contain secrets.
    pub(crate) fn expose(&self) -> String {
        let scheme = self.scheme;
        format!("{scheme}://{}{}", self.authority, self.path)
    }

    /// A text that identifies this URI and reveals nothing of it.
    pub fn fingerprint(&self) -> String {
        fetcher_formats::digest::Digest::of(self.expose().as_bytes()).to_string()
    }

    /// The path, if it is on this machine.
    pub fn local(&self) -> Option<PathBuf> {
        (self.scheme == Scheme::File).then(|| PathBuf::from(&self.path))
    }

    /// Bucket or host, with its port.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// The path with its leading slash.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

impl FromStr for SourceUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let wrong = |reason| UriError { text: beginning(&masked(text)), reason };
        if text.starts_with('/') {
            return Self::file(text).ok_or_else(|| wrong("names no file"));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(wrong(
                "is not absolute: a path begins with `/`, everything else with its kind, e.g. https://",
            ));
        };
        let scheme = Scheme::named(scheme).ok_or_else(|| wrong(ALLOWED))?;
        let (authority, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
        let uri = Self { scheme, authority: authority.to_owned(), path: path.to_owned() };
        match scheme {
            Scheme::File if !matches!(authority, "" | "localhost") => {
                Err(wrong("names another machine: file:///path is on the application master's own"))
            }
            Scheme::File => {
                let path = Url::parse(&format!("file://{path}"))
                    .ok()
                    .and_then(|url| url.to_file_path().ok());
                let path = path.and_then(|path| path.into_os_string().into_string().ok());
                path.and_then(|path| Self::file(&path)).ok_or_else(|| wrong("names no file"))
            }
            _ if authority.is_empty() => Err(wrong("has no host or bucket")),
            _ if uri.name().is_empty() => Err(wrong("names no file: it ends with a slash")),
            Scheme::Http | Scheme::Https if Url::parse(&uri.expose()).is_err() => {
                Err(wrong("is malformed"))
            }
            _ => Ok(uri),
        }
    }
}

impl SourceUri {
    fn file(path: &str) -> Option<Self> {
        let uri = Self { scheme: Scheme::File, authority: String::new(), path: path.to_owned() };
        (!path.ends_with('/')).then_some(uri)
    }
}

impl Scheme {
    /// All kinds.
    pub const ALL: [Self; 7] =
        [Self::File, Self::Http, Self::Https, Self::S3, Self::Gs, Self::Hdfs, Self::WebHdfs];

    /// The kind with this name, in upper or lower case.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "s3a" | "s3n" => Some(Self::S3),
            name => Self::ALL.into_iter().find(|scheme| scheme.as_str() == name),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Http => "http",
            Self::Https => "https",
            Self::S3 => "s3",
            Self::Gs => "gs",
            Self::Hdfs => "hdfs",
            Self::WebHdfs => "webhdfs",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for SourceUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme {
            Scheme::File => formatter.write_str(&self.path),
            scheme => {
                let server = masked(&format!("{scheme}://{}", self.authority));
                let (path, query) =
                    self.path.split_once('?').map_or((&*self.path, ""), |(path, _)| (path, "?***"));
                formatter.write_str(&beginning(&format!("{server}{path}{query}")))
            }
        }
    }
}

impl fmt::Debug for SourceUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// As much of a text as an error shows.
fn beginning(text: &str) -> String {
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn uri(text: &str) -> SourceUri {
        text.parse().unwrap()
    }

    #[test]
    fn every_kind_is_recognised_by_its_name() {
        for (text, scheme, name) in [
            ("/a/b.jar", Scheme::File, "b.jar"),
            ("file:///a/b%20c.jar", Scheme::File, "b c.jar"),
            ("http://h/a/b.tgz?x=/y", Scheme::Http, "b.tgz"),
            ("HTTPS://h:1/b.tgz", Scheme::Https, "b.tgz"),
            ("s3a://bucket/a/b", Scheme::S3, "b"),
            ("gs://bucket/b", Scheme::Gs, "b"),
            ("hdfs://nn:8020/user/b", Scheme::Hdfs, "b"),
            ("webhdfs://nn:9870/b", Scheme::WebHdfs, "b"),
        ] {
            let uri = uri(text);
            assert_eq!((uri.scheme(), uri.name()), (scheme, name), "{text}");
        }
        assert_eq!(uri("file:///a/b%20c").local(), Some("/a/b c".into()));
    }

    #[test]
    fn an_invalid_uri_is_rejected_with_what_is_allowed() {
        for (text, part) in [
            ("b.jar", "not absolute"),
            ("ftp://h/b", "allowed: an absolute path, file://"),
            ("http:///b", "no host"),
            ("https://h/", "ends with a slash"),
            ("https://h", "names no file"),
            ("file://other/b", "another machine"),
            ("/a/", "names no file"),
            ("http://h:port/b", "malformed"),
        ] {
            let error = text.parse::<SourceUri>().unwrap_err().to_string();
            assert!(error.starts_with(text) && error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn passwords_and_signatures_are_not_shown() {
        let secret = uri("https://user:hush@h/b.jar?X-Amz-Signature=hush");
        assert_eq!(secret.to_string(), "https://***@h/b.jar?***");
        assert!(!format!("{secret:?}").contains("hush"));
        for text in ["ftp://user:hush@h/b?hush", "hush@h/b?hush", "h/b?hush", "s3://hush@"] {
            let error = text.parse::<SourceUri>().unwrap_err();
            assert!(!error.to_string().contains("hush"), "{error}");
        }
        assert_eq!(uri("s3://b/a@b").to_string(), "s3://b/a@b");
    }

    #[test]
    fn a_question_mark_is_part_of_a_files_name() {
        assert_eq!(uri("/data/what?").name(), "what?");
        assert_eq!(uri("https://h/what?").name(), "what");
    }

    proptest! {
        #[test]
        fn no_text_causes_a_panic_and_every_accepted_uri_has_a_name(text in "\\PC{0,40}") {
            if let Ok(uri) = text.parse::<SourceUri>() {
                prop_assert!(!uri.name().is_empty() && !uri.name().contains('/'));
            }
        }

        #[test]
        fn a_password_is_never_shown(user in "[a-z@:]{0,5}", path in "[a-z/?]{0,8}") {
            let text = format!("http://{user}:hush@host/{path}?hush");
            let shown = text.parse::<SourceUri>().map_or_else(|error| error.to_string(), |uri| uri.to_string());
            prop_assert!(!shown.contains("hush"), "{}", shown);
        }
    }
}
