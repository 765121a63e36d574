//! Text for a terminal: tables, relative times, colours.

use std::{
    io::IsTerminal as _,
    time::{Duration, SystemTime},
};

use crate::environment::Lookup;

/// Rows below headings, in columns as wide as needed.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: Vec<[String; N]>) -> Vec<String> {
    let rows: Vec<_> = [headings.map(str::to_owned)].into_iter().chain(rows).collect();
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// A duration in its two largest units, e.g. `3h 12m`.
pub(crate) fn short(duration: Duration) -> String {
    let text = humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// How long ago a moment in RFC 3339 was, at `now`; the text itself if it is not a moment.
pub(crate) fn ago(moment: &str, now: SystemTime) -> String {
    let Ok(at) = humantime::parse_rfc3339(moment) else { return moment.to_owned() };
    format!("{} ago", short(now.duration_since(at).unwrap_or_default()))
}

/// Milliseconds since 1970 as a moment in UTC, in RFC 3339.
pub(crate) fn rfc3339(milliseconds: u64) -> String {
    let moment = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds));
    // The year 9999 is the last one in this format.
    let moment = moment.filter(|_| milliseconds < 253_402_300_800_000);
    moment.map_or_else(
        || milliseconds.to_string(),
        |moment| humantime::format_rfc3339_millis(moment).to_string(),
    )
}

/// What a text means, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Good,
    Bad,
}

/// Colours, if the output may have them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Paint {
    colours: bool,
}

impl Paint {
    /// Colours on a terminal, unless `NO_COLOR` is set.
    pub(crate) fn stdout(lookup: &Lookup) -> Self {
        let refused = lookup("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colours = !refused
            && lookup("TERM").is_none_or(|terminal| terminal != "dumb")
            && std::io::stdout().is_terminal();
        Self { colours }
    }

    /// The text in the colour for this mood.
    pub(crate) fn text(self, mood: Mood, text: &str) -> String {
        let colour = match mood {
            Mood::Good => 32,
            Mood::Bad => 31,
        };
        if self.colours { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_for_people_are_relative_and_short() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100_000);
        assert_eq!(ago("1970-01-01T00:00:00Z", now), "1day 3h ago");
        assert_eq!(ago("1970-01-02T03:46:38.500Z", now), "1s ago");
        assert_eq!(ago("1970-01-03T00:00:00Z", now), "0s ago", "clocks differ");
        assert_eq!(ago("yesterday", now), "yesterday");
        assert_eq!(rfc3339(100_000_123), "1970-01-02T03:46:40.123Z");
        assert_eq!(rfc3339(u64::MAX), u64::MAX.to_string());
    }

    #[test]
    fn output_that_is_not_a_terminal_has_no_colours() {
        // Tests write to a pipe or a file, or the variable is set.
        let paint = Paint::stdout(&|name| (name == "NO_COLOR").then(|| "1".to_owned()));
        assert_eq!(paint.text(Mood::Bad, "no"), "no");
        assert_eq!(Paint { colours: true }.text(Mood::Good, "yes"), "\u{1b}[32myes\u{1b}[0m");
    }
}
