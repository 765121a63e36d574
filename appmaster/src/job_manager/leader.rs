//! Where the leading JobManager is, as Flink writes it into ZooKeeper: a stream of Java objects that
//! begins with the address.
//!
//! ```text
//! AC ED 00 05   magic and version of the stream
//! 77 LENGTH     a block of primitive data, LENGTH bytes
//!    LL LL      length of the address, in bytes
//!    …          the address, in Java's own UTF-8
//! 73 …          the session's id, an object
//! ```

/// Magic and version of a stream of Java objects, and the tag of a short block of data.
const BEGIN: [u8; 5] = [0xAC, 0xED, 0x00, 0x05, 0x77];

/// The address in the leader's node.
pub(super) fn address(node: &[u8]) -> Option<String> {
    let (length, rest) = node.strip_prefix(&BEGIN)?.split_first()?;
    let block = rest.get(..usize::from(*length))?;
    let (length, text) = block.split_first_chunk::<2>()?;
    let text = text.get(..usize::from(u16::from_be_bytes(*length)))?;
    // Only characters that no URL has are written in another way than in UTF-8.
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_leader_is_read_and_what_is_none_is_refused() {
        let url = "http://10.0.0.1:8081";
        let mut node = BEGIN.to_vec();
        node.push(22);
        node.extend([0, 20]);
        node.extend(url.as_bytes());
        node.extend([0x73, 0x72, 0x00]);
        assert_eq!(address(&node).as_deref(), Some(url));
        for end in 0..28 {
            assert_eq!(address(&node[..end]), None, "cut after {end} bytes");
        }
        node[6] = 0xFF;
        assert_eq!(address(&node), None, "longer than its block");
        assert_eq!(address(b"http://10.0.0.1:8081"), None);
    }
}
