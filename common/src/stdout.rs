//! What a command answers.

use std::io::{self, ErrorKind, Write as _};

/// Writes to standard output. A reader that stops early, such as `head`, is no error. Blocks.
///
/// # Errors
/// Standard output cannot be written, such as a file on a full disk.
pub fn write(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
