//! The command line of `flink-mesos-fetcher`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use super::settings::{DEFAULT_FILE, SETTINGS, Settings, SettingsError, Sources, TOKEN_VARIABLE};
use crate::digest::Digest;

/// Fetches what Flink's workers need, once per host: the sidecar of flink-mesos-executor.
///
/// Without a command it is the daemon. The other commands work through the daemon when it runs, and on the files of the
/// cache when it does not.
#[derive(Debug, Parser)]
#[command(
    name = "flink-mesos-fetcher",
    version,
    after_help = "Every setting can also be given in the file and as FLINK_MESOS_FETCHER_<SETTING>; flags go before \
                  variables, variables before the file."
)]
pub struct Cli {
    /// File with settings [default: /etc/flink-mesos/fetcher.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check the settings, show them, and end
    #[arg(long)]
    pub check_config: bool,
    /// How to print what was asked for
    #[arg(long, global = true, value_enum, default_value = "text")]
    pub output: Output,
    /// What to do
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// One object.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon
    Daemon,
    /// Show what the cache holds and what the daemon does
    Status,
    /// Make room: remove what has not been used for longest, and nothing that is in use
    Gc {
        /// How much to keep at most, e.g. "5 GiB", or 0 to empty the cache [default: the budget]
        #[arg(long, value_name = "SIZE", value_parser = super::settings::size_or_nothing)]
        keep: Option<u64>,
    },
    /// Read everything in the cache again, and take out what is wrong
    Verify,
    /// Fetch a tree into the cache, for workers to come
    Prefetch(Prefetch),
}

/// What to fetch.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("The artifact token is taken from --token-file, or from {TOKEN_VARIABLE}."))]
pub struct Prefetch {
    /// The manifest's digest
    #[arg(long, value_name = "SHA256")]
    pub manifest: Digest,
    /// Base address of an artifact server; can be given several times
    #[arg(long = "url", value_name = "URL", required = true)]
    pub urls: Vec<String>,
    /// File with the artifact token, and nothing else
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Certificates in PEM of those who may vouch for the servers [default: those that this host trusts]
    #[arg(long, value_name = "FILE")]
    pub trusted: Option<PathBuf>,
}

/// A command line that makes sense, with the settings of all places.
#[derive(Debug)]
pub struct Invocation {
    /// What was asked for.
    pub cli: Cli,
    /// What is set, and where.
    pub sources: Sources,
    /// The settings.
    pub settings: Settings,
}

/// Why there is nothing that could be done.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// Of the command line; also when help was asked for.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    /// Of the settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl Invocation {
    /// Reads the arguments, the file that they name, and the variables. Blocks.
    pub fn read(arguments: Vec<OsString>, variables: &[(String, String)]) -> Result<Self, UsageError> {
        let matches = command().try_get_matches_from(arguments)?;
        let cli = Cli::from_arg_matches(&matches)?;
        let mut sources = Sources::defaults();
        match &cli.config {
            Some(file) => sources.read_file(file)?,
            None if fs_err::exists(DEFAULT_FILE).unwrap_or(true) => sources.read_file(DEFAULT_FILE.as_ref())?,
            None => {}
        }
        sources.read_variables(variables)?;
        read_flags(&matches, &mut sources);
        let settings = sources.settings()?;
        Ok(Self { cli, sources, settings })
    }
}

/// With a flag for each setting.
fn command() -> clap::Command {
    let flag = |setting: &super::settings::Setting| {
        let help = match setting.default {
            "" => setting.meaning.to_owned(),
            default => format!("{} [default: {default}]", setting.meaning),
        };
        Arg::new(setting.key)
            .long(setting.key)
            .global(true)
            .action(ArgAction::Set)
            .value_name("VALUE")
            .help_heading("Settings")
            .help(help.replace('`', ""))
    };
    SETTINGS.iter().fold(Cli::command(), |command, setting| command.arg(flag(setting)))
}

fn read_flags(matches: &ArgMatches, sources: &mut Sources) {
    for setting in SETTINGS {
        if matches.value_source(setting.key) == Some(ValueSource::CommandLine)
            && let Some(value) = matches.get_one::<String>(setting.key)
        {
            sources.read_flag(setting, value.clone());
        }
    }
}
