//! Parse the values of settings. Each error names the mistake and what is allowed.

use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// The longest accepted duration.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The longest path of a socket that the kernel accepts, in bytes.
const LONGEST_SOCKET: usize = 107;

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    if !Path::new(text).is_absolute() {
        return Err("is not an absolute path (allowed: a path that begins with /)".to_owned());
    }
    Ok(PathBuf::from(text))
}

/// Parses the path of a socket.
pub(super) fn socket(text: &str) -> Result<PathBuf, String> {
    match text.len() {
        ..=LONGEST_SOCKET => path(text),
        bytes => Err(format!(
            "is too long for a socket: {bytes} bytes (allowed: up to {LONGEST_SOCKET})"
        )),
    }
}

/// Parses a size in bytes.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || {
        "is not a size (allowed: a number with B, KiB, MiB, GiB or TiB, or kB, MB, GB or TB)"
            .to_owned()
    };
    let size = text.parse::<ByteSize>().map_err(|_| wrong())?;
    if size.as_u64() == 0 {
        return Err("is nothing (allowed: 1 B and more)".to_owned());
    }
    Ok(size.as_u64())
}

/// Formats a size in bytes as `bytes` parses it.
pub fn human_bytes(bytes: u64) -> impl fmt::Display {
    ByteSize::b(bytes).display().iec()
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "is not a time (allowed: a number with ms, s, min or h, up to 24 h)".to_owned();
    let duration = humantime::parse_duration(text).map_err(|_| wrong())?;
    if duration > LONGEST { Err(wrong()) } else { Ok(duration) }
}

pub(super) fn number(text: &str, allowed: RangeInclusive<usize>) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| allowed.contains(number));
    number.ok_or_else(|| {
        format!("is out of range (allowed: {} to {})", allowed.start(), allowed.end())
    })
}

/// None for an empty text.
pub(super) fn address(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong =
        "is not an address with a port (allowed: e.g. 0.0.0.0:7080 or [::]:7080, or nothing)";
    text.parse().map(Some).map_err(|_| wrong.to_owned())
}

pub(super) fn level(text: &str) -> Result<String, String> {
    let wrong = "is not a log level (allowed: error, warn, info, debug, trace or off, or a filter by part: warn,fetcher=debug)";
    // A single text would be taken for the name of a part.
    let levels = text.split(',').map(|part| part.rsplit_once('=').map_or(part, |(_, level)| level));
    let are_levels =
        levels.into_iter().all(|level| !level.is_empty() && level.parse::<LevelFilter>().is_ok());
    if are_levels && text.parse::<Targets>().is_ok() {
        Ok(text.to_owned())
    } else {
        Err(wrong.to_owned())
    }
}

pub(super) fn format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("is not a format (allowed: text, json)".to_owned()),
    }
}
