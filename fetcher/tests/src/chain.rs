//! The largest valid manifest.

use std::fmt::{Display, Write as _};

/// The text of a manifest with a chain of links to an empty file with the given digest, ordered so
/// that the first link leads through all others.
pub fn chain_of_links(entries: usize, empty: impl Display) -> String {
    let (last, filler) = (entries - 1, "-".repeat(30));
    let mut text = "flink-mesos manifest 1\n".to_owned();
    for at in 0..last {
        writeln!(text, "link\tl{:06}{filler}\tl{at:06}{filler}", at + 1).unwrap();
    }
    writeln!(text, "file\t-\t0\t{empty}\tl{last:06}{filler}").unwrap();
    text
}
