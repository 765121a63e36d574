#![allow(clippy::unwrap_used)]
#[path = "../../../tests/src/chain.rs"]
#[allow(unreachable_pub, reason = "shared with other tests")]
mod chain;

use proptest::prelude::*;

use super::*;

fn file(path: &str, content: &str) -> Entry {
    let blob = Blob {
        size: content.len() as u64,
        digest: Digest::of(content.as_bytes()),
        chunks: Vec::new(),
    };
    Entry { path: path.parse().unwrap(), kind: Kind::File(blob), secret: false }
}

fn link(path: &str, target: &str) -> Entry {
    Entry { path: path.parse().unwrap(), kind: Kind::Link(target.parse().unwrap()), secret: false }
}

#[test]
fn the_order_of_the_files_does_not_change_the_digest() {
    let one = Manifest::new(vec![file("lib/b", "2"), file("a", "1")]).unwrap();
    let other = Manifest::new(vec![file("a", "1"), file("lib/b", "2")]).unwrap();
    assert_eq!(one.digest(), other.digest());
}

#[test]
fn the_encoding_does_not_change_by_accident() {
    let mut secret = file("conf/keytab", "k");
    secret.secret = true;
    let mut archive = file("data", "1");
    if let Kind::File(blob) = archive.kind {
        archive.kind = Kind::Archive(Format::TarGz, blob);
    }
    let manifest =
        Manifest::new(vec![secret, link("lib/b", "lib/a"), file("lib/a", ""), archive]).unwrap();
    let expected = "flink-mesos manifest 1\n\
        file\ts\t1\t8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a\tconf/keytab\n\
        archive\ttar.gz\t1\t6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b\tdata\n\
        file\t-\t0\te3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\tlib/a\n\
        link\tlib/a\tlib/b\n";
    assert_eq!(std::str::from_utf8(&manifest.encode()).unwrap(), expected);
    assert_eq!(Manifest::decode(expected.as_bytes()).unwrap(), manifest);
}

#[test]
fn large_files_must_carry_their_chunk_digests() {
    let mut large = file("a", "");
    large.kind =
        Kind::File(Blob { size: CHUNKED_ABOVE + 1, digest: Digest::of(b"x"), chunks: Vec::new() });
    assert!(matches!(Manifest::new(vec![large.clone()]), Err(ManifestError::Content { .. })));
    if let Kind::File(blob) = &mut large.kind {
        blob.chunks = vec![Digest::of(b"c"); 5];
    }
    let manifest = Manifest::new(vec![large]).unwrap();
    assert_eq!(Manifest::decode(&manifest.encode()).unwrap(), manifest);
}

#[test]
fn a_path_may_occur_only_once() {
    assert!(matches!(
        Manifest::new(vec![file("a", "1"), file("a", "2")]),
        Err(ManifestError::Duplicate(_))
    ));
}

#[test]
fn nothing_may_be_below_a_file_or_a_link() {
    for above in [file("a", "1"), link("a", "b")] {
        let entries = vec![above, file("a-b", ""), file("a/b/c", "2"), file("b", "")];
        assert!(matches!(Manifest::new(entries), Err(ManifestError::NotAFolder { .. })));
    }
}

#[test]
fn a_link_to_nothing_through_a_link_or_in_a_circle_is_rejected() {
    for entries in [
        vec![link("a", "b")],
        vec![link("a", "a")],
        vec![link("a", "b"), link("b", "a"), file("c", "")],
        vec![link("a", "folder"), link("b", "a/file"), file("folder/file", "")],
    ] {
        assert!(matches!(Manifest::new(entries), Err(ManifestError::Link { .. })));
    }
    Manifest::new(vec![link("a", "b"), link("b", "folder"), file("folder/c", "")]).unwrap();
}

/// A chain of links as long as a manifest can contain.
fn chain_of_links() -> Vec<u8> {
    let text = chain::chain_of_links(MAX_NODES, Digest::of(b""));
    assert!(text.len() > MAX_ENCODED * 9 / 10 && text.len() <= MAX_ENCODED, "{} bytes", text.len());
    text.into_bytes()
}

#[test]
fn a_manifest_of_the_largest_size_with_a_chain_of_links_is_decoded_in_one_pass() {
    let bytes = chain_of_links();
    let started = tokio::time::Instant::now();
    let manifest = Manifest::decode(&bytes).unwrap();
    println!(
        "{} entries, {} bytes decoded in {:?}",
        manifest.entries().len(),
        bytes.len(),
        started.elapsed()
    );
    assert_eq!(check::links(manifest.entries()), Ok(MAX_NODES - 1));
}

#[test]
fn a_manifest_of_deep_folders_is_checked_in_one_pass() {
    // Each path differs from its first component on, and is as deep as paths may be.
    let deep = |number: usize| format!("{number:04}{}", "/d".repeat(crate::path::MAX_DEPTH - 1));
    let count = MAX_NODES / crate::path::MAX_DEPTH;
    let entries = |count| (0..count).map(|number| file(&deep(number), "")).collect::<Vec<_>>();
    assert!(Manifest::new(entries(count)).is_ok());
    assert_eq!(Manifest::new(entries(count + 1)), Err(ManifestError::TooMany));
}

#[test]
fn too_many_entries_are_rejected_before_all_are_read() {
    let mut text = "flink-mesos manifest 1\n".to_owned();
    text += &"link\ta\tb\n".repeat(MAX_NODES + 1);
    assert_eq!(Manifest::decode(text.as_bytes()), Err(ManifestError::TooMany));
}

#[test]
fn one_digest_cannot_have_two_sizes() {
    let mut other = file("b", "1");
    other.kind = Kind::File(Blob { size: 2, digest: Digest::of(b"1"), chunks: Vec::new() });
    assert!(matches!(
        Manifest::new(vec![file("a", "1"), other]),
        Err(ManifestError::Content { .. })
    ));
}

#[test]
fn a_manifest_with_paths_outside_the_tree_is_rejected() {
    let digest = Digest::of(b"");
    for path in ["../a", "/a", "a/../../b", "a//b", ".", "a\u{0}"] {
        let text = format!("flink-mesos manifest 1\nfile\t-\t0\t{digest}\t{path}\n");
        assert!(
            matches!(Manifest::decode(text.as_bytes()), Err(ManifestError::Path(_))),
            "{path:?}"
        );
        let text = format!("flink-mesos manifest 1\nlink\t{path}\ta\n");
        assert!(
            matches!(Manifest::decode(text.as_bytes()), Err(ManifestError::Path(_))),
            "{path:?}"
        );
    }
}

fn arbitrary_entries() -> impl Strategy<Value = Vec<Entry>> {
    let entry = ("[a-c]{1,2}(/[a-c ü]{1,3}){0,2}", ".{0,3}", any::<bool>(), any::<bool>());
    prop::collection::vec(entry, 0..8).prop_map(|entries| {
        let entries = entries.into_iter().map(|(path, content, executable, secret)| {
            let mut entry = file(&path, &content);
            if executable && let Kind::File(blob) = entry.kind {
                entry.kind = Kind::Executable(blob);
            }
            Entry { secret, ..entry }
        });
        entries.collect()
    })
}

proptest! {
    #[test]
    fn checking_links_and_folders_agrees_with_following_each_one(
        entries in prop::collection::btree_map("[abc]{1,2}(/[ab]){0,2}", prop::option::of("[abc]{1,2}(/[ab]){0,2}"), 0..8)
    ) {
        let all: Vec<_> = entries
            .iter()
            .map(|(path, target)| target.as_ref().map_or_else(|| file(path, ""), |target| link(path, target)))
            .collect();
        let folders: Vec<&str> = all.iter().flat_map(|entry| entry.path.ancestors()).collect();
        let leads_somewhere = |path: &String| {
            let mut next = path;
            for _ in 0..=entries.len() {
                match entries.get(next) {
                    Some(Some(further)) => next = further,
                    Some(None) => return true,
                    None => return folders.contains(&next.as_str()),
                }
            }
            false
        };
        let expected = entries.keys().all(|path| !folders.contains(&path.as_str())) && entries.keys().all(leads_somewhere);
        prop_assert_eq!(Manifest::new(all.clone()).is_ok(), expected);
    }

    #[test]
    fn every_manifest_can_be_encoded_and_decoded(entries in arbitrary_entries()) {
        if let Ok(manifest) = Manifest::new(entries) {
            prop_assert_eq!(Manifest::decode(&manifest.encode()).unwrap(), manifest);
        }
    }

    #[test]
    fn only_the_canonical_bytes_are_accepted(entries in arbitrary_entries(), at in any::<prop::sample::Index>(),
            byte in any::<u8>()) {
        if let Ok(manifest) = Manifest::new(entries) {
            let mut bytes = manifest.encode().to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(other) = Manifest::decode(&bytes) {
                prop_assert_eq!(other.encode(), bytes);
            }
        }
    }

    #[test]
    fn decoding_any_bytes_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), lines in "[filenk\t\n0-9a-f/.-]{0,200}") {
        Manifest::decode(&bytes).ok();
        Manifest::decode(format!("flink-mesos manifest 1\n{lines}").as_bytes()).ok();
    }
}
