//! `mesos.resourcemanager.tasks.uris`: users' own files for the sandboxes of their TaskManagers.
//!
//! Upstream's list, whose URIs may now carry options in place of a fragment:
//! `https://host/a.tgz#sha256=…&extract=true&executable=false&destination=dir/name`.

use std::collections::{BTreeMap, HashMap};

use common::addresses::masked;
use fetcher_formats::{Digest, Format, TreePath};
use fetcher_sources::{Scheme, Settings, SourceUri, UriError};
use flink::{config::Configuration, options::mesos::TASKS_URIS};

use super::SettingsError;

const SOURCE: &str = "mesos.source.";
/// More than any user needs.
const MOST: usize = 1000;

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

/// The URIs and the settings of their sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskUris {
    /// In their order in the list.
    pub uris: Vec<TaskUri>,
    /// By kind of source.
    pub settings: BTreeMap<Scheme, Settings>,
}

/// Names that exist in each sandbox already.
pub const TAKEN: &[&str] =
    &["conf", "executor.json", "flink", "flink-mesos-executor", "log", "stderr", "stdout", "tmp"];

/// Formats that Mesos's fetcher unpacks and we do not.
const NOT_UNPACKED: &[&str] = &[".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".gz"];

/// Archives that are used without unpacking.
const ARCHIVES_IN_USE: &[&str] = &[".jar"];

/// Reads the URIs and all `mesos.source.*`.
pub fn task_uris(config: &Configuration) -> Result<TaskUris, SettingsError> {
    let written = config
        .get(&TASKS_URIS)
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|uri| !uri.is_empty());
    let uris = written.map(TaskUri::parse).collect::<Result<Vec<_>, _>>()?;
    if uris.len() > MOST {
        return Err(refused(format!("{} URIs, allowed are {MOST}", uris.len())));
    }
    check_places(&uris)?;
    Ok(TaskUris { uris, settings: settings(config)? })
}

fn settings(config: &Configuration) -> Result<BTreeMap<Scheme, Settings>, SettingsError> {
    let mut settings: BTreeMap<Scheme, Settings> = BTreeMap::new();
    for (key, value) in config.iter() {
        let Some((scheme, name)) = key.strip_prefix(SOURCE).and_then(|rest| rest.split_once('.'))
        else {
            continue;
        };
        let wrong = |reason: String| SettingsError::Source { key: key.to_owned(), reason };
        let scheme = Scheme::named(scheme).ok_or_else(|| {
            let all: Vec<_> = Scheme::ALL.iter().map(ToString::to_string).collect();
            wrong(format!("`{scheme}` is not a kind of source (allowed: {})", all.join(", ")))
        })?;
        let known = settings.entry(scheme).or_default();
        known.set(scheme, name, value).map_err(|error| wrong(error.to_string()))?;
    }
    Ok(settings)
}

impl TaskUris {
    /// An error for each local file that does not exist on this machine.
    pub fn missing(&self) -> impl Iterator<Item = SettingsError> {
        let local = self.uris.iter().filter_map(|uri| uri.source.local());
        local.filter_map(|path| common::files::open(&path).err()).map(|e| refused(e.to_string()))
    }
}

impl TaskUri {
    fn parse(text: &str) -> Result<Self, SettingsError> {
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

/// No two URIs may have the same path, or one below another's file.
fn check_places(uris: &[TaskUri]) -> Result<(), SettingsError> {
    let mut places: HashMap<&str, &TaskUri> = HashMap::new();
    let clash = |one: &TaskUri, other: &TaskUri| {
        let shown =
            |uri: &TaskUri| uri.destination.as_ref().map(ToString::to_string).unwrap_or_default();
        refused(format!(
            "{} and {} conflict in the sandbox, `{}` and `{}`: give one of them a destination=…",
            one.source,
            other.source,
            shown(one),
            shown(other)
        ))
    };
    for uri in uris {
        let Some(place) = &uri.destination else { continue };
        if let Some(other) = places.insert(place.as_str(), uri) {
            return Err(clash(other, uri));
        }
    }
    for uri in uris {
        let above = uri
            .destination
            .iter()
            .flat_map(TreePath::ancestors)
            .find_map(|ancestor| places.get(ancestor));
        if let Some(other) = above {
            return Err(clash(other, uri));
        }
    }
    Ok(())
}

fn refused(reason: String) -> SettingsError {
    SettingsError::File { key: TASKS_URIS.key(), reason }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flink::{config::Source, options};
    use proptest::prelude::*;

    use super::*;

    fn read(options: &[(&str, &str)]) -> Result<TaskUris, SettingsError> {
        let mut config = Configuration::new();
        for (key, value) in options {
            config.set(*key, *value, Source::DynamicProperty);
        }
        task_uris(&config)
    }

    #[test]
    fn no_uri_is_a_secret_so_an_error_may_name_its_digest() {
        for option in ["secret=true", "sha256=00&secret"] {
            let error =
                read(&[(TASKS_URIS.key(), &format!("/etc/key#{option}"))]).unwrap_err().to_string();
            assert!(
                error.contains("unknown option `secret`")
                    && error.contains("mesos.secret-artifacts."),
                "{error}"
            );
        }
    }

    #[test]
    fn more_uris_than_any_user_needs_are_refused() {
        let list = |count: usize| {
            (0..count).map(|i| format!("http://h/{i}")).collect::<Vec<_>>().join(",")
        };
        assert_eq!(read(&[(TASKS_URIS.key(), &list(1000))]).unwrap().uris.len(), 1000);
        assert!(
            read(&[(TASKS_URIS.key(), &list(1001))])
                .unwrap_err()
                .to_string()
                .contains("1001 URIs, allowed are 1000")
        );
    }

    fn uris(text: &str) -> Vec<TaskUri> {
        read(&[(TASKS_URIS.key(), text)]).unwrap().uris
    }

    fn error(text: &str) -> String {
        read(&[(TASKS_URIS.key(), text)]).unwrap_err().to_string()
    }

    #[test]
    fn upstreams_plain_list_means_what_mesos_did_with_it() {
        let uris = uris("http://h/a.tgz, s3://b/c.jar ,/d/e.txt,");
        let seen: Vec<_> = uris
            .iter()
            .map(|uri| (uri.extract, uri.executable, uri.destination.as_ref()))
            .collect();
        let place = |text: &str| text.parse::<TreePath>().unwrap();
        let (jar, txt) = (place("c.jar"), place("e.txt"));
        let expected = [
            (Some(Format::TarGz), false, None),
            (None, false, Some(&jar)),
            (None, false, Some(&txt)),
        ];
        assert_eq!(seen, expected);
        assert!(read(&[]).unwrap().uris.is_empty());
    }

    #[test]
    fn each_uri_has_options_of_its_own() {
        let digest = Digest::of(b"x");
        let text = format!(
            "http://h/a.zip#extract=false&destination=d/n.zip&sha256={digest},http://h/run#executable=true"
        );
        let [first, second] = <[TaskUri; 2]>::try_from(uris(&text)).unwrap();
        assert_eq!((first.sha256, first.extract), (Some(digest), None));
        assert_eq!(first.destination.unwrap().as_str(), "d/n.zip");
        assert!(second.executable && !first.executable);
        let unpacked = uris("http://h/a.jar#extract=true&destination=classes");
        assert_eq!(unpacked[0].extract, Some(Format::Zip));
    }

    #[test]
    fn a_bad_option_names_uri_option_and_what_is_allowed() {
        for (text, parts) in [
            (
                "http://u:hush@h/a#cache=true",
                vec!["http://***@h/a", "`cache`", "sha256, extract, executable, destination"],
            ),
            ("http://h/a#extract=yes", vec!["http://h/a", "extract=yes", "true, false"]),
            ("http://h/a#executable=true&executable=true", vec!["executable", "twice"]),
            ("http://h/a#sha256=12", vec!["http://h/a", "sha256"]),
            ("http://h/a#destination=../x", vec!["destination", "`..`"]),
            ("http://h/a#destination=conf/x", vec!["`conf` is reserved", "log"]),
            ("http://h/flink", vec!["`flink` is reserved"]),
            (
                "http://h/a.tar.xz",
                vec!["a.tar.xz", "cannot be unpacked", ".tar.zst", "extract=false"],
            ),
            ("http://h/a.txt#extract=true", vec!["a.txt", "cannot be unpacked"]),
            ("http://h/a.zip#extract=true&executable=true", vec!["exclude each other"]),
            ("ftp://h/a", vec!["ftp://h/a", "allowed", "https://"]),
            ("http://h/a,s3://b/a", vec!["http://h/a and s3://b/a", "destination="]),
            ("http://h/a,http://h/b#destination=a/b", vec!["conflict in the sandbox"]),
        ] {
            let error = error(text);
            assert!(
                error.starts_with(TASKS_URIS.key())
                    && parts.iter().all(|part| error.contains(part)),
                "{text}: {error}"
            );
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn an_archive_in_another_format_may_stay_packed() {
        assert_eq!(uris("http://h/a.tar.xz#extract=false")[0].extract, None);
    }

    #[test]
    fn sources_have_settings_and_unknown_ones_are_refused() {
        let some = [
            ("mesos.source.s3.endpoint", "http://s3"),
            ("mesos.source.s3.secret-access-key", "hush"),
        ];
        let uris = read(&some).unwrap();
        assert!(uris.settings.contains_key(&Scheme::S3) && !format!("{uris:?}").contains("hush"));
        for (key, part) in [
            ("mesos.source.s3.bucket", "allowed: endpoint"),
            ("mesos.source.ftp.user", "allowed: file"),
        ] {
            let error = read(&[(key, "x")]).unwrap_err().to_string();
            assert!(error.starts_with(key) && error.contains(part), "{error}");
        }
    }

    #[test]
    fn every_setting_of_a_source_is_in_the_table_of_options() {
        for scheme in Scheme::ALL {
            for name in Settings::names(scheme) {
                let key = format!("{SOURCE}{scheme}.{name}");
                assert!(options::find(&key).is_some(), "{key}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_list_breaks_the_parser(text in "[a-z:/#&=,.@?%]{0,40}") {
            _ = read(&[(TASKS_URIS.key(), &text)]);
        }
    }
}
