//! The settings file: TOML with a single table.

use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::{SettingsError, ValueSource};

/// The entries of a file: place, key, and value as text.
pub(super) fn entries(
    path: &Path,
    text: &str,
) -> Result<Vec<(ValueSource, String, String)>, SettingsError> {
    let place = |span: Range<usize>| {
        let before = text.get(..span.start).unwrap_or(text);
        ValueSource::File(path.to_owned(), before.matches('\n').count() + 1)
    };
    let table = DeTable::parse(text).map_err(|error| {
        let reason = error.message().replace('\n', ", ");
        SettingsError::Syntax {
            place: place(error.span().unwrap_or_default()),
            reason: format!("invalid TOML: {reason}"),
        }
    })?;
    let mut entries = Vec::new();
    for (key, value) in table.get_ref() {
        let place = place(key.span());
        let value = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Boolean(value) => value.to_string(),
            _ => {
                let reason = format!("`{}` must be a text or a whole number", key.get_ref());
                return Err(SettingsError::Syntax { place, reason });
            }
        };
        entries.push((place, key.get_ref().to_string(), value));
    }
    Ok(entries)
}
