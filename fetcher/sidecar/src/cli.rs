//! The command line of `flink-mesos-fetcher`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{
    Arg, ArgAction, ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
    ValueEnum,
};
use fetcher_formats::digest::Digest;

use crate::settings::{
    DEFAULT_FILE, SETTINGS, Setting, Settings, SettingsError, Sources, TOKEN_VARIABLE,
};

/// Fetch artifacts once per host for Flink's TaskManagers: the sidecar of flink-mesos-executor.
///
/// Without a command, it runs the daemon. The other commands use the daemon if it runs, and
/// otherwise the files of the cache.
#[derive(Debug, Parser)]
#[command(
    name = "flink-mesos-fetcher",
    version = common::version!(),
    after_help = "You can also set every setting in the file and as FLINK_MESOS_FETCHER_<SETTING>. Flags override \
                  variables, and variables override the file."
)]
pub struct Cli {
    /// File with settings [default: /etc/flink-mesos/fetcher.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check the settings, print them, and exit
    #[arg(long)]
    pub check_config: bool,
    /// Output format
    #[arg(long, global = true, value_enum, default_value = "text")]
    pub output: Output,
    /// What to do
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Text for people.
    Text,
    /// JSON: one object.
    Json,
}

/// The command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon
    Daemon,
    /// Show the contents of the cache and the state of the daemon
    Status,
    /// Make room: remove the least recently used files, but none in use
    Gc {
        /// Largest cache size afterwards, e.g. "5 GiB", or 0 to empty the cache [default: the setting
        /// budget]
        #[arg(long, value_name = "SIZE", value_parser = crate::settings::size_or_nothing)]
        keep: Option<u64>,
    },
    /// Hash every file in the cache again, and move damaged ones into quarantine
    Verify,
    /// Fetch a tree into the cache before workers need it
    Prefetch(Prefetch),
}

/// What to fetch.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("The artifact token comes from --token-file, or from {TOKEN_VARIABLE}."))]
pub struct Prefetch {
    /// Digest of the manifest
    #[arg(long, value_name = "SHA256")]
    pub manifest: Digest,
    /// Base URL of an artifact server; repeat the option for several
    #[arg(long = "url", value_name = "URL", required = true)]
    pub urls: Vec<String>,
    /// File that contains only the artifact token
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// PEM file with the authorities to trust [default: those that this host trusts]
    // The name that the flag had in 0.1.0.
    #[arg(long, value_name = "FILE", alias = "trusted")]
    pub authorities: Option<PathBuf>,
}

/// A valid command line with all its settings.
#[derive(Debug)]
pub struct Invocation {
    /// The parsed arguments.
    pub cli: Cli,
    /// The source of each setting.
    pub sources: Sources,
    /// The settings.
    pub settings: Settings,
}

/// Why the command line cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// Invalid arguments, or a request for help.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    /// Invalid settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl Invocation {
    /// Reads the arguments, the file that they name, and the environment variables. Blocks.
    pub fn read(
        arguments: Vec<OsString>,
        variables: &[(String, String)],
    ) -> Result<Self, UsageError> {
        let matches = command().try_get_matches_from(arguments)?;
        let cli = Cli::from_arg_matches(&matches)?;
        let mut sources = Sources::defaults();
        match &cli.config {
            Some(file) => sources.read_file(file)?,
            None if fs_err::exists(DEFAULT_FILE).unwrap_or(true) => {
                sources.read_file(DEFAULT_FILE.as_ref())?;
            }
            None => {}
        }
        sources.read_variables(variables)?;
        read_flags(&matches, &mut sources);
        let settings = sources.settings()?;
        Ok(Self { cli, sources, settings })
    }
}

/// The command line with a flag for each setting: at the top, and for each command, which accepts
/// all and lists those it needs.
fn command() -> clap::Command {
    let with_flags = |command: clap::Command, listed: &[&str]| {
        let is_listed = |key| listed.is_empty() || listed.contains(&key);
        SETTINGS.iter().fold(command, |command, setting| {
            command.arg(flag(setting).hide(!is_listed(setting.key)))
        })
    };
    let command = with_flags(Cli::command(), &[]);
    let names: Vec<_> =
        command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        let listed: &[_] = if name == "daemon" { &[] } else { &["socket", "cache"] };
        command.mut_subcommand(name, |command| with_flags(command, listed))
    })
}

fn flag(setting: &Setting) -> Arg {
    let help = match setting.default {
        "" => setting.meaning.to_owned(),
        default => format!("{} [default: {default}]", setting.meaning),
    };
    Arg::new(setting.key)
        .long(setting.key)
        .action(ArgAction::Set)
        .value_name("VALUE")
        .help_heading("Settings")
        .help(capitalised(&help.replace('`', "")))
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Flags after the command override those before it.
fn read_flags(matches: &ArgMatches, sources: &mut Sources) {
    for matches in
        [Some(matches), matches.subcommand().map(|(_, matches)| matches)].into_iter().flatten()
    {
        for setting in SETTINGS {
            if matches.value_source(setting.key) == Some(ValueSource::CommandLine)
                && let Some(value) = matches.get_one::<String>(setting.key)
            {
                sources.read_flag(setting, value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn help(arguments: &[&str]) -> String {
        command().try_get_matches_from(arguments).unwrap_err().to_string()
    }

    #[test]
    fn prefetch_still_takes_the_authorities_by_their_old_name() {
        let digest = "0".repeat(64);
        let needed =
            ["flink-mesos-fetcher", "prefetch", "--manifest", &digest, "--url", "http://h"];
        for name in ["--authorities", "--trusted"] {
            let arguments = needed.into_iter().chain([name, "/ca.pem"]);
            let matches = command().try_get_matches_from(arguments).unwrap();
            let Some(Command::Prefetch(what)) = Cli::from_arg_matches(&matches).unwrap().command
            else {
                panic!("another command")
            };
            assert_eq!(what.authorities.unwrap().to_str(), Some("/ca.pem"));
        }
        assert!(!help(&["flink-mesos-fetcher", "prefetch", "--help"]).contains("--trusted"));
    }

    #[test]
    fn only_the_daemon_lists_all_settings_and_every_command_accepts_them() {
        let listed = |help: &str| {
            SETTINGS.iter().filter(|setting| help.contains(&format!("--{} ", setting.key))).count()
        };
        assert_eq!(listed(&help(&["flink-mesos-fetcher", "--help"])), SETTINGS.len());
        assert_eq!(listed(&help(&["flink-mesos-fetcher", "daemon", "--help"])), SETTINGS.len());
        assert_eq!(listed(&help(&["flink-mesos-fetcher", "gc", "--help"])), 2);
        let matches = command().try_get_matches_from([
            "flink-mesos-fetcher",
            "--cache",
            "/a",
            "gc",
            "--budget",
            "1 GiB",
        ]);
        let mut sources = Sources::defaults();
        read_flags(&matches.unwrap(), &mut sources);
        let settings = sources.settings().unwrap();
        assert_eq!((settings.cache.to_str().unwrap(), settings.budget), ("/a", 1 << 30));
    }
}
