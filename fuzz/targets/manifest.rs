//! Manifests: bytes that are accepted are the one encoding of what they say, and nothing of it leaves the tree.
#![no_main]

use std::path::{Component, Path};

use fetcher::Manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(manifest) = Manifest::decode(bytes) else { return };
    assert_eq!(manifest.encode(), bytes);
    assert_eq!(Manifest::new(manifest.entries().to_vec()).as_ref(), Ok(&manifest));
    for entry in manifest.entries() {
        let place = entry.path.under(Path::new("tree"));
        assert!(place.starts_with("tree") && place.components().all(|part| matches!(part, Component::Normal(_))));
    }
});
