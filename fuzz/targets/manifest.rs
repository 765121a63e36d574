//! Manifests: accepted bytes are the canonical encoding, nothing is outside the tree, and links
//! lead where following them one by one leads. The same bytes also make chains of links.
#![no_main]

use std::collections::BTreeMap;
use std::path::{Component, Path};

use fetcher_formats::{Blob, Digest, Entry, Kind, Manifest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    follow_chains(bytes);
    let Ok(manifest) = Manifest::decode(bytes) else { return };
    assert_eq!(manifest.encode(), bytes);
    assert_eq!(Manifest::new(manifest.entries().to_vec()).as_ref(), Ok(&manifest));
    for entry in manifest.entries() {
        let place = entry.path.under(Path::new("tree"));
        assert!(
            place.starts_with("tree")
                && place.components().all(|part| matches!(part, Component::Normal(_)))
        );
    }
    assert!(manifest.entries().iter().all(|entry| leads_somewhere(entry, manifest.entries())));
});

/// Makes each pair of bytes a link from one name to another, or a file if both names are equal.
fn follow_chains(bytes: &[u8]) {
    let pairs: BTreeMap<u8, u8> = bytes.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let name = |byte: u8| {
        let text = if byte.is_multiple_of(5) {
            format!("d{}/{byte}", byte / 50)
        } else {
            byte.to_string()
        };
        text.parse().expect("a path")
    };
    let blob = Blob { size: 0, digest: Digest::of(b""), chunks: Vec::new() };
    let entry = |(from, to): (&u8, &u8)| {
        let kind = if from == to { Kind::File(blob.clone()) } else { Kind::Link(name(*to)) };
        Entry { path: name(*from), kind, secret: false }
    };
    let entries: Vec<Entry> = pairs.iter().map(entry).collect();
    let expected = entries.iter().all(|entry| leads_somewhere(entry, &entries));
    assert_eq!(Manifest::new(entries).is_ok(), expected);
}

/// Whether a link leads to a file or folder within as many steps as there are entries.
fn leads_somewhere(entry: &Entry, entries: &[Entry]) -> bool {
    let mut at = entry;
    for _ in 0..=entries.len() {
        let Kind::Link(target) = &at.kind else { return true };
        match entries.iter().find(|other| other.path == *target) {
            Some(next) => at = next,
            None => {
                return entries
                    .iter()
                    .any(|other| other.path.ancestors().any(|folder| folder == target.as_str()));
            }
        }
    }
    false
}
