//! The kinds of archives.

use std::fmt;
use std::str::FromStr;

/// The supported kinds of archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.tar`
    Tar,
    /// `.tar.gz` or `.tgz`
    TarGz,
    /// `.tar.zst` or `.tzst`
    TarZst,
    /// `.zip` or `.jar`
    Zip,
}

impl Format {
    /// The format for a file's name, by its suffix.
    pub fn of(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|end| name.ends_with(end));
        match () {
            () if ends(&[".tar"]) => Some(Self::Tar),
            () if ends(&[".tar.gz", ".tgz"]) => Some(Self::TarGz),
            () if ends(&[".tar.zst", ".tzst"]) => Some(Self::TarZst),
            () if ends(&[".zip", ".jar"]) => Some(Self::Zip),
            () => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Tar => "tar",
            Self::TarGz => "tar.gz",
            Self::TarZst => "tar.zst",
            Self::Zip => "zip",
        })
    }
}

/// A text that does not name a kind of archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a kind of archive (tar, tar.gz, tar.zst or zip)")]
pub struct FormatError(String);

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let all = [Self::Tar, Self::TarGz, Self::TarZst, Self::Zip];
        all.into_iter()
            .find(|format| format.to_string() == text)
            .ok_or_else(|| FormatError(text.to_owned()))
    }
}
