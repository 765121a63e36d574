//! How many workers there may be.

use std::{fmt, str::FromStr};

/// The bounds for the number of workers. Between them, the number follows what jobs need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Least number of workers.
    min: usize,
    /// Largest number of workers.
    max: usize,
}

/// The mistake in the text or the bounds of a [`Scale`], and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScaleError(String);

impl Scale {
    /// The largest number of workers.
    pub const MOST: usize = 100_000;
    /// As many as jobs need.
    pub const ANY: Self = Self { min: 0, max: Self::MOST };

    /// These bounds.
    pub fn new(min: usize, max: usize) -> Result<Self, ScaleError> {
        if let Some(large) = [min, max].into_iter().find(|number| *number > Self::MOST) {
            let most = Self::MOST;
            return Err(ScaleError(format!("{large} is out of range (0 to {most})")));
        }
        if min > max {
            return Err(ScaleError(format!("the minimum {min} is above the maximum {max}")));
        }
        Ok(Self { min, max })
    }

    /// Least number of workers.
    pub fn min(self) -> usize {
        self.min
    }

    /// Largest number of workers.
    pub fn max(self) -> usize {
        self.max
    }

    /// The number, if it is fixed.
    pub fn fixed(self) -> Option<usize> {
        (self.min == self.max).then_some(self.min)
    }

    /// The allowed number that is nearest to this one.
    pub fn nearest(self, needed: usize) -> usize {
        needed.clamp(self.min, self.max)
    }
}

impl fmt::Display for Scale {
    /// For example `3`, `2 to 5`, `2 or more`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { min, max } = self;
        match *max {
            Self::MOST if *min < Self::MOST => write!(f, "{min} or more"),
            same if same == *min => write!(f, "{min}"),
            max => write!(f, "{min} to {max}"),
        }
    }
}

impl FromStr for Scale {
    type Err = ScaleError;

    /// `N`, `MIN..MAX` or `MIN..`.
    fn from_str(text: &str) -> Result<Self, ScaleError> {
        let number = |part: &str| {
            part.parse().map_err(|_| {
                ScaleError(format!(
                    "{text:?} is not a number of TaskManagers: write N, MIN..MAX or MIN.., \
                     each from 0 to {}",
                    Self::MOST
                ))
            })
        };
        match text.split_once("..") {
            Some((min, "")) => Self::new(number(min)?, Self::MOST),
            Some((min, max)) => Self::new(number(min)?, number(max)?),
            None => number(text).and_then(|both| Self::new(both, both)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_bounds_are_read_and_shown() {
        for (text, shown) in
            [("3", "3"), ("0", "0"), ("2..5", "2 to 5"), ("2..", "2 or more"), ("4..4", "4")]
        {
            assert_eq!(text.parse::<Scale>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn bounds_that_contradict_each_other_and_other_texts_are_refused_with_what_is_allowed() {
        for (text, part) in [
            ("5..2", "the minimum 5 is above the maximum 2"),
            ("100001", "100001 is out of range (0 to 100000)"),
            ("-1", "write N, MIN..MAX or MIN.."),
            ("..3", "write N, MIN..MAX or MIN.."),
            ("1..2..3", "write N, MIN..MAX or MIN.."),
            ("99999999999999999999", "each from 0 to 100000"),
            ("", "write N"),
        ] {
            let error = text.parse::<Scale>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn what_jobs_need_is_brought_within_the_bounds() {
        let scale: Scale = "2..5".parse().unwrap();
        assert_eq!([0, 3, 9].map(|needed| scale.nearest(needed)), [2, 3, 5]);
        assert_eq!(Scale::ANY.nearest(usize::MAX), Scale::MOST);
    }
}
