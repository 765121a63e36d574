//! Files that show whether they are complete: a first line with the kind of content, its length and
//! its sha256, then the content. A truncated or changed file is never accepted.

use fetcher_formats::Digest;

/// The kind of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// The state.
    State,
    /// Only the framework's id.
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

/// The longest first line, in bytes.
const LONGEST_LINE: usize = 200;

/// The bytes of a file with this content.
pub(super) fn seal(content: Content, bytes: &[u8]) -> Vec<u8> {
    let mut sealed =
        format!("{} {} {}\n", content.title(), bytes.len(), Digest::of(bytes)).into_bytes();
    sealed.extend_from_slice(bytes);
    sealed
}

/// The content that [`seal`] was given, or the error in the file.
pub(super) fn open(content: Content, sealed: &[u8]) -> Result<&[u8], String> {
    let head = sealed.get(..LONGEST_LINE.min(sealed.len())).unwrap_or_default();
    let end = head.iter().position(|byte| *byte == b'\n').ok_or("its first line is truncated")?;
    let (line, bytes) =
        (sealed.get(..end).unwrap_or_default(), sealed.get(end + 1..).unwrap_or_default());
    let line = std::str::from_utf8(line).map_err(|_| "its first line is not text")?;
    let said = line.strip_prefix(content.title()).and_then(|rest| rest.strip_prefix(' '));
    let Some((length, digest)) = said.and_then(|said| said.split_once(' ')) else {
        return Err(format!("it begins with {line:?}, this program reads {:?}", content.title()));
    };
    if length.parse() != Ok(bytes.len()) {
        return Err(format!(
            "it should have {length} bytes after the first line and has {}",
            bytes.len()
        ));
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
    fn a_sealed_file_is_opened_and_a_truncated_or_changed_one_is_not() {
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
