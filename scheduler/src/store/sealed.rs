//! Bytes in a file that say whether they are whole: a line with what they are, their length and their sha256, then they
//! themselves. A file that was cut anywhere, or changed, is never believed.

use fetcher::Digest;

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// The state.
    State,
    /// The framework's id alone.
    Framework,
}

impl Content {
    fn title(self) -> &'static str {
        match self {
            Self::State => "flink-mesos state 2",
            Self::Framework => "flink-mesos framework 2",
        }
    }
}

/// No line is longer.
const LONGEST_LINE: usize = 200;

/// The file's bytes.
pub(super) fn seal(content: Content, bytes: &[u8]) -> Vec<u8> {
    let mut sealed = format!("{} {} {}\n", content.title(), bytes.len(), Digest::of(bytes)).into_bytes();
    sealed.extend_from_slice(bytes);
    sealed
}

/// What [`seal`] was given, or what is wrong with the file.
pub(super) fn open(content: Content, sealed: &[u8]) -> Result<&[u8], String> {
    let head = sealed.get(..LONGEST_LINE.min(sealed.len())).unwrap_or_default();
    let end = head.iter().position(|byte| *byte == b'\n').ok_or("its first line is cut")?;
    let (line, bytes) = (sealed.get(..end).unwrap_or_default(), sealed.get(end + 1..).unwrap_or_default());
    let line = std::str::from_utf8(line).map_err(|_| "its first line is not text")?;
    let said = line.strip_prefix(content.title()).and_then(|rest| rest.strip_prefix(' '));
    let Some((length, digest)) = said.and_then(|said| said.split_once(' ')) else {
        return Err(format!("it begins with {line:?}, this program reads {:?}", content.title()));
    };
    if length.parse() != Ok(bytes.len()) {
        return Err(format!("it should have {length} bytes after the first line and has {}", bytes.len()));
    }
    if digest.parse() != Ok(Digest::of(bytes)) {
        return Err("its sha256 is not the one in its first line".to_owned());
    }
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_is_opened_and_nothing_that_was_cut_or_changed_is() {
        let sealed = seal(Content::State, b"what must not be lost");
        assert_eq!(open(Content::State, &sealed).unwrap(), b"what must not be lost");
        for length in 0..sealed.len() {
            open(Content::State, &sealed[..length]).unwrap_err();
        }
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            open(Content::State, &changed).unwrap_err();
        }
        open(Content::State, &[&sealed[..], b"more"].concat()).unwrap_err();
        open(Content::Framework, &sealed).unwrap_err();
    }
}
