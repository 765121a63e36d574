//! One of the URIs, with its options.

use std::collections::BTreeMap;

use common::addresses::masked;
use fetcher_formats::{Digest, Format, TreePath};
use fetcher_sources::{SourceUri, UriError};

use super::refused;
use crate::settings::SettingsError;

/// One of the URIs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskUri {
    /// Where to fetch it.
    pub source: SourceUri,
    /// Its expected digest.
    pub sha256: Option<Digest>,
    /// The archive's format, if it is unpacked.
    pub extract: Option<Format>,
    /// Whether it is executable.
    pub executable: bool,
    /// Its path in the sandbox: of the file itself, or of the folder it is unpacked into. Without
    /// one, an archive is unpacked into the sandbox itself.
    pub destination: Option<TreePath>,
}

/// Names that exist in each sandbox already.
pub const TAKEN: &[&str] =
    &["conf", "executor.json", "flink", "flink-mesos-executor", "log", "stderr", "stdout", "tmp"];

/// Formats that Mesos's fetcher unpacks and we do not.
const NOT_UNPACKED: &[&str] = &[".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".gz"];

/// Archives that are used without unpacking.
const ARCHIVES_IN_USE: &[&str] = &[".jar"];

impl TaskUri {
    pub(super) fn parse(text: &str) -> Result<Self, SettingsError> {
        let (address, fragment) = text.split_once('#').unwrap_or((text, ""));
        // Of the whole text, because a password may hold the mark that separates the options.
        let malformed = |error: UriError| refused(format!("{}: {}", masked(text), error.reason));
        let source: SourceUri = address.parse().map_err(malformed)?;
        let wrong = |what: String| refused(format!("{source}: {what}"));
        let mut options = BTreeMap::new();
        for option in fragment.split('&').filter(|option| !option.is_empty()) {
            let (key, value) = option.split_once('=').unwrap_or((option, ""));
            if !OPTIONS.contains(&key) {
                let hint = if key == "secret" {
                    "; name a secret file in mesos.secret-artifacts.<name>"
                } else {
                    ""
                };
                return Err(wrong(format!(
                    "unknown option `{key}` (allowed: {}){hint}",
                    OPTIONS.join(", ")
                )));
            }
            if options.insert(key, value).is_some() {
                return Err(wrong(format!("option `{key}` appears twice")));
            }
        }
        let yes_or_no = |key: &str, default: bool| match options.get(key) {
            None => Ok(default),
            Some(&"true") => Ok(true),
            Some(&"false") => Ok(false),
            Some(other) => Err(wrong(format!("{key}={other} (allowed: true, false)"))),
        };
        let sha256 = options
            .get("sha256")
            .map(|text| text.to_ascii_lowercase().parse::<Digest>())
            .transpose();
        let sha256 = sha256.map_err(|error| wrong(format!("sha256: {error}")))?;
        let executable = yes_or_no("executable", false)?;
        let wanted = yes_or_no("extract", !executable)?;
        if executable && wanted {
            return Err(wrong("executable=true and extract=true exclude each other".to_owned()));
        }
        let must = options.contains_key("extract");
        let extract = if wanted { format_of(source.name(), must).map_err(&wrong)? } else { None };
        let destination = match options.get("destination") {
            Some(path) => {
                Some(place(path).map_err(|reason| wrong(format!("destination: {reason}")))?)
            }
            None if extract.is_some() => None,
            None => Some(place(source.name()).map_err(&wrong)?),
        };
        Ok(Self { source, sha256, extract, executable, destination })
    }
}

const OPTIONS: &[&str] = &["sha256", "extract", "executable", "destination"];

/// The archive's format, for those that Mesos's fetcher unpacks by default; with `must`, also for
/// others.
fn format_of(name: &str, must: bool) -> Result<Option<Format>, String> {
    let lower = name.to_ascii_lowercase();
    let is_of = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
    let known = Format::of(&lower).filter(|_| must || !is_of(ARCHIVES_IN_USE));
    if known.is_some() {
        return Ok(known);
    }
    if must || is_of(NOT_UNPACKED) {
        return Err(format!(
            "`{name}` cannot be unpacked (allowed: .tar, .tar.gz, .tgz, .tar.zst, .tzst, .zip); extract=false leaves it packed"
        ));
    }
    Ok(None)
}

/// A path in the sandbox that is not used by our own files.
fn place(text: &str) -> Result<TreePath, String> {
    let path: TreePath =
        text.parse().map_err(|error: fetcher_formats::path::TreePathError| error.to_string())?;
    match TAKEN.iter().find(|taken| path.first() == **taken) {
        Some(taken) => {
            Err(format!("`{taken}` is reserved in the sandbox (reserved: {})", TAKEN.join(", ")))
        }
        None => Ok(path),
    }
}
