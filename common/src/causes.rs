//! Errors with their causes. HTTP clients' own messages contain only the outermost error.

use std::{error::Error, iter::successors};

/// The error and its causes, outermost first, for people. A cause that the preceding text already
/// contains is left out.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in causes(error).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

/// The last cause, or the error itself. The errors of HTTP clients before it repeat the URL.
pub fn root_cause(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(error.source(), |cause| (*cause).source())
}

#[cfg(test)]
mod tests {
    use std::{fmt, io};

    use super::*;

    #[derive(Debug)]
    struct Step(&'static str, io::Error);

    impl fmt::Display for Step {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Step {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.1)
        }
    }

    fn step(text: &'static str) -> Step {
        Step(text, io::Error::other("connection refused"))
    }

    #[test]
    fn an_error_is_shown_with_its_causes() {
        assert_eq!(with_causes(&step("cannot connect")), "cannot connect: connection refused");
        assert_eq!(with_causes(&io::Error::other("alone")), "alone");
    }

    #[test]
    fn a_cause_that_is_quoted_already_is_not_repeated() {
        assert_eq!(with_causes(&step("no: connection refused")), "no: connection refused");
    }

    #[test]
    fn the_root_cause_is_the_last_one() {
        assert_eq!(root_cause(&step("cannot connect")), "connection refused");
        assert_eq!(root_cause(&io::Error::other("alone")), "alone");
    }
}
