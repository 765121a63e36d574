//! Checking a configuration against the table: forms, unknown keys, keys that are gone.

use std::fmt;

use crate::command::java_options_problem;
use crate::config::{Configuration, ConfigurationError, Source};
use crate::options::flink::TASKMANAGER_REGISTRATION_TIMEOUT;
use crate::options::removed::{FORGOTTEN, GONE};
use crate::options::{Declaration, Kind, all, find, nearest};
use crate::version::FlinkVersion;

mod explain;
mod heartbeats;
mod message_size;
mod pools;
mod ports;
#[cfg(test)]
mod tests;

pub use explain::explain;

/// Something wrong with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key.
    pub key: String,
    /// Where its value came from.
    pub origin: Source,
    /// The mistake, and what to do.
    pub message: String,
    /// Nothing can be started with it; otherwise it is only worth a warning.
    pub fatal: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (from {})", self.key, self.message, self.origin)
    }
}

/// Everything in the configuration that the table speaks against, in the configuration's order.
pub fn check(config: &Configuration) -> Vec<Problem> {
    let mut searches = MOST_SEARCHES;
    let each = config.iter().filter_map(|(key, value)| problem(config, key, value, &mut searches));
    each.chain(heartbeats::problem(config)).chain(pools::problems(config)).collect()
}

/// The options that are set by this key: the one of this name, and those that had it before and are
/// not set by their own name or an older name that goes first.
fn set_by<'a>(
    config: &'a Configuration,
    key: &'a str,
) -> impl Iterator<Item = &'static Declaration> + 'a {
    let before = all().filter(move |option| {
        let set = |name: &&str| config.iter().any(|(known, _)| known == *name);
        option.deprecated.contains(&key)
            && [option.key].iter().chain(option.deprecated).find(|name| set(name)) == Some(&key)
    });
    find(key).into_iter().chain(before)
}

/// So many unknown keys are compared with those that are known, and none that is longer.
const MOST_SEARCHES: usize = 100;
const LONGEST_KEY: usize = 100;

fn problem(
    config: &Configuration,
    key: &str,
    value: &str,
    searches: &mut usize,
) -> Option<Problem> {
    let (message, fatal) = if let Some((_, message)) = GONE.iter().find(|(gone, _)| *gone == key) {
        ((*message).to_owned(), true)
    } else if let Some((_, message)) = FORGOTTEN.iter().find(|(forgotten, _)| *forgotten == key) {
        ((*message).to_owned(), false)
    } else if set_by(config, key).next().is_some() {
        of_options(config, key, value)?
    } else if key.starts_with("mesos.") && !is_in_map(key) {
        let is_compared = *searches > 0 && key.len() <= LONGEST_KEY;
        *searches = searches.saturating_sub(1);
        let near = if is_compared { nearest(key) } else { None };
        let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        (format!("unknown option{near}"), false)
    } else {
        let is_compared = *searches > 0 && key.len() <= LONGEST_KEY && !is_in_map(key);
        *searches = searches.saturating_sub(1);
        let near = if is_compared { nearest(key) } else { None }?;
        (format!("unknown option; did you mean {near}?"), false)
    };
    let origin = config.source(key).cloned().unwrap_or(Source::Default);
    Some(Problem { key: Configuration::shown_key(key).into_owned(), origin, message, fatal })
}

/// The problem of this value with the options that the key sets, and whether it is fatal.
fn of_options(config: &Configuration, key: &str, value: &str) -> Option<(String, bool)> {
    let is_read =
        |option: &&Declaration| config.version().is_none_or(|version| option.is_read_by(&version));
    if let Some(option) = find(key).filter(|option| !is_read(option))
        && set_by(config, key).all(|option| !is_read(&option))
    {
        return Some((unread(config, option)?, false));
    }
    let set = || set_by(config, key).filter(is_read);
    let option = set()
        .find(|option| form_error(config, option, value).is_some())
        .or_else(|| set().next())?;
    let is_duration = option.as_read_by(config.version()).kind == Kind::Duration;
    Some(match (form_error(config, option, value), option.without_effect) {
        // Flink's TaskManager logs a warning where it cannot read this one, and takes it for no
        // timeout at all.
        (Some(message), _) if option.key == TASKMANAGER_REGISTRATION_TIMEOUT.key() => {
            (format!("{message}; Flink waits forever"), false)
        }
        (Some(_), _) if is_duration && is_negative(value) && was_number(option) => (
            format!(
                "'{value}' is not a duration since Flink 1.20: remove the option, or set a long duration"
            ),
            true,
        ),
        (Some(message), _) => (message, true),
        (None, why) => (format!("no effect on Mesos: {}", why?), false),
    })
}

/// Why this Flink does not read the option.
fn unread(config: &Configuration, option: &Declaration) -> Option<String> {
    let version = config.version()?;
    let when = match (option.since, option.until) {
        (Some((major, minor)), _) if !version.at_least(major, minor) => {
            format!("exists from Flink {major}.{minor} on")
        }
        (_, Some((major, minor))) => format!("was removed in Flink {major}.{minor}"),
        _ => return None,
    };
    Some(format!("Flink {version} ignores this option: it {when}"))
}

/// Did Flink read it as a number, and a negative one as forever?
fn was_number(option: &Declaration) -> bool {
    option.earlier.iter().any(|earlier| earlier.kind == Kind::Integer)
}

fn is_negative(value: &str) -> bool {
    value.trim().parse::<i64>().is_ok_and(|number| number < 0)
}

/// Is this one of a map's keys, which `config.yaml` may have on a line of its own?
fn is_in_map(key: &str) -> bool {
    all()
        .filter(|option| option.kind == Kind::Map)
        .any(|map| key.strip_prefix(map.key).is_some_and(|rest| rest.starts_with('.')))
}

/// The mistake in a value of this option, read as those of `config` are.
fn form_error(config: &Configuration, option: &Declaration, value: &str) -> Option<String> {
    let error = error_in(config, &option.as_read_by(config.version()), value)?;
    let later = option.earlier.iter().map(|earlier| earlier.before).find(|(major, minor)| {
        let line = FlinkVersion { major: *major, minor: *minor, patch: 0 };
        config.version().is_some_and(|version| version < line)
            && error_in(config, &option.as_read_by(Some(line)), value).is_none()
    });
    Some(match later {
        Some((major, minor)) => format!("{error}; it is allowed from Flink {major}.{minor} on"),
        None => error,
    })
}

/// The same, with the option as one Flink line reads it.
fn error_in(config: &Configuration, option: &Declaration, value: &str) -> Option<String> {
    let config = config.alone(option.key, value);
    let result = match option.kind {
        Kind::Text => return java_options_problem(option.key, value),
        Kind::Ports => return ports::problem(value, config.version()),
        Kind::MessageSize => return message_size::problem(value),
        Kind::Choice(allowed) if allowed.contains(&value) => return None,
        Kind::Enum(allowed) if allowed.iter().any(|name| name.eq_ignore_ascii_case(value)) => {
            return None;
        }
        Kind::Choice(allowed) | Kind::Enum(allowed) => {
            return Some(format!(
                "'{}' is not one of {}",
                Configuration::shown(option.key, value),
                allowed.join(", ")
            ));
        }
        Kind::Integer => config.get_i64(option.key).map(drop),
        Kind::Number => config.get_f64(option.key).map(drop),
        Kind::Boolean => config.get_bool(option.key).map(drop),
        Kind::Duration => config.get_duration(option.key).map(drop),
        Kind::Memory => config.get_memory(option.key).map(drop),
        Kind::List => config.get_list(option.key).map(drop),
        Kind::Map => config.get_map(option.key).map(drop),
    };
    let Err(error) = result else {
        let allowed = config.beyond(option.key, option)?;
        return Some(format!(
            "{} is out of range ({allowed})",
            Configuration::shown(option.key, value)
        ));
    };
    match error {
        ConfigurationError::Value { value, allowed, .. } => {
            let unit = option.unit.filter(|_| option.kind == Kind::Integer);
            let unit = unit.map(|unit| format!(" of {unit}")).unwrap_or_default();
            Some(format!("'{value}' is not {allowed}{unit}"))
        }
        other => Some(other.to_string()),
    }
}
