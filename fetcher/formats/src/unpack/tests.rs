#![allow(clippy::unwrap_used)]
use std::io::{Cursor, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;
use tar::EntryType;

use super::tree::DESCRIBED;
use super::*;
use crate::digest::Digest;

/// One entry of a tar archive that no ordinary program would write: nothing in it is checked.
struct Raw<'a> {
    kind: EntryType,
    name: &'a str,
    link: &'a str,
    mode: u32,
    content: &'a [u8],
}

fn file<'a>(name: &'a str, content: &'a [u8]) -> Raw<'a> {
    Raw { kind: EntryType::Regular, name, link: "", mode: 0o644, content }
}

fn link<'a>(name: &'a str, link: &'a str) -> Raw<'a> {
    Raw { kind: EntryType::Symlink, link, ..file(name, b"") }
}

fn tar(entries: &[Raw<'_>]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(entry.kind);
        header.set_size(entry.content.len() as u64);
        header.set_mode(entry.mode);
        let old = header.as_old_mut();
        old.name[..entry.name.len()].copy_from_slice(entry.name.as_bytes());
        old.linkname[..entry.link.len()].copy_from_slice(entry.link.as_bytes());
        header.set_cksum();
        archive.append(&header, entry.content).unwrap();
    }
    archive.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn zip(entries: &[Raw<'_>]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for entry in entries {
        let options = zip::write::SimpleFileOptions::default().unix_permissions(entry.mode);
        if entry.kind == EntryType::Symlink {
            archive.add_symlink(entry.name, entry.link, options).unwrap();
        } else {
            archive.start_file(entry.name, options).unwrap();
            archive.write_all(entry.content).unwrap();
        }
    }
    archive.finish().unwrap().into_inner()
}

/// Unpacks into a folder with neighbours, and asserts that these do not change.
fn unpack_bytes(
    bytes: Vec<u8>,
    format: Format,
    limits: Limits,
) -> (tempfile::TempDir, Result<Manifest, UnpackError>) {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("a/b/folder");
    fs_err::create_dir_all(&folder).unwrap();
    let unpacked = unpack(Cursor::new(bytes), format, &folder, limits);
    for (place, expected) in [("", "a"), ("a", "b"), ("a/b", "folder")] {
        let names: Vec<_> = fs_err::read_dir(outer.path().join(place))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, [expected], "something was written outside of the folder");
    }
    (outer, unpacked)
}

fn refusal(entries: &[Raw<'_>]) -> String {
    let (_, unpacked) = unpack_bytes(tar(entries), Format::Tar, Limits::default());
    unpacked.unwrap_err().to_string()
}

#[test]
fn every_format_gives_the_same_tree() {
    let program = Raw { mode: 0o755, ..file("bin/run", b"#!/bin/sh") };
    let entries = [
        file("./lib/a.jar", b"content"),
        program,
        link("lib/b.jar", "../lib/a.jar"),
        file("empty", b""),
    ];
    let plain = tar(&entries);
    let zst = ruzstd::encoding::compress_to_vec(
        plain.as_slice(),
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    let entries =
        [file("lib/a.jar", b"content"), Raw { mode: 0o755, ..file("bin/run", b"#!/bin/sh") }]
            .into_iter()
            .chain([link("lib/b.jar", "../lib/a.jar"), file("empty", b"")]);
    let zip = zip(&entries.collect::<Vec<_>>());
    let mut digests = Vec::new();
    for (format, bytes) in [
        (Format::Tar, plain.clone()),
        (Format::TarGz, gzip(&plain)),
        (Format::TarZst, zst),
        (Format::Zip, zip),
    ] {
        let (outer, unpacked) = unpack_bytes(bytes, format, Limits::default());
        let manifest = unpacked.unwrap_or_else(|error| panic!("{format}: {error}"));
        let folder = outer.path().join("a/b/folder");
        assert_eq!(fs_err::read(folder.join("lib/b.jar")).unwrap(), b"content");
        let mode =
            |path: &str| fs_err::metadata(folder.join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("bin/run"), mode("lib/a.jar")), (0o555, 0o444));
        assert_eq!(manifest.entries()[2].digest(), Some(Digest::of(b"content")));
        digests.push(manifest.digest());
    }
    digests.dedup();
    assert_eq!(digests.len(), 1);
}

#[test]
fn a_name_that_leaves_the_folder_is_an_error_that_names_it() {
    for name in [
        "../evil",
        "lib/../../evil",
        "/tmp/evil",
        "..",
        "lib//evil",
        "lib/./evil",
        "./../evil",
        "a\\..\n",
    ] {
        let error = refusal(&[file(name, b"evil")]);
        assert!(
            error.contains("archive entry `") && error.contains(&name.escape_debug().to_string()),
            "{error}"
        );
        let (_, unpacked) =
            unpack_bytes(zip(&[file(name, b"evil")]), Format::Zip, Limits::default());
        assert!(
            matches!(unpacked, Err(UnpackError::Entry { .. } | UnpackError::Damaged { .. })),
            "{name}"
        );
    }
}

#[test]
fn a_link_that_leaves_the_folder_is_rejected() {
    for target in ["../evil", "/etc/passwd", "x/../../evil"] {
        assert!(refusal(&[link("evil", target)]).contains("`evil` links to"), "{target}");
    }
    assert!(
        refusal(&[file("a/b/c", b""), link("a/l", "b"), link("a/m", "l/../../..")])
            .contains("leads out")
    );
    assert!(refusal(&[link("evil", "nowhere")]).contains("leads to nothing"));
}

#[test]
fn nothing_is_written_through_a_link() {
    let error = refusal(&[file("real/x", b""), link("l", "real"), file("l/evil", b"evil")]);
    assert!(error.contains("`l/evil` lies below `l`"), "{error}");
    let error = refusal(&[file("l/x", b""), link("l", "real")]);
    assert!(error.contains("appears twice"), "{error}");
}

#[test]
fn a_hard_link_must_lead_to_an_earlier_file() {
    let hard = |name, link| Raw { kind: EntryType::Link, link, ..file(name, b"") };
    for target in ["../evil", "/etc/passwd", "later", "self"] {
        let error = refusal(&[file("a", b"1"), hard("self", target), file("later", b"")]);
        assert!(error.contains("`self` links to"), "{error}");
    }
    let (outer, unpacked) =
        unpack_bytes(tar(&[file("a", b"1"), hard("b/c", "a")]), Format::Tar, Limits::default());
    unpacked.unwrap();
    assert_eq!(fs_err::read(outer.path().join("a/b/folder/b/c")).unwrap(), b"1");
}

#[test]
fn entries_other_than_files_folders_and_links_are_rejected() {
    for (kind, word) in [
        (EntryType::Char, "device"),
        (EntryType::Block, "device"),
        (EntryType::Fifo, "pipe"),
        (EntryType::new(b'Z'), "unknown"),
    ] {
        let error = refusal(&[Raw { kind, ..file("odd", b"") }]);
        assert!(error.contains("`odd`") && error.contains(word), "{error}");
    }
}

#[test]
fn setuid_and_setgid_are_rejected() {
    for mode in [0o4755, 0o2755] {
        assert!(
            refusal(&[Raw { mode, ..file("su", b"") }]).contains("`su` has a setuid or setgid bit")
        );
    }
}

#[test]
fn a_name_may_occur_only_once() {
    let folder = |name| Raw { kind: EntryType::Directory, ..file(name, b"") };
    for second in [file("a", b"2"), file("./a", b"2"), folder("a/"), link("a", "b")] {
        assert!(refusal(&[file("a", b"1"), file("b", b""), second]).contains("appears twice"));
    }
    let (_, unpacked) = unpack_bytes(
        tar(&[folder("./"), folder("a/"), file("a/b", b""), folder("a/")]),
        Format::Tar,
        Limits::default(),
    );
    unpacked.unwrap();
}

#[test]
fn too_many_entries_too_many_bytes_and_bombs_are_rejected() {
    let limits = Limits { entries: 2, ..Limits::default() };
    let (_, unpacked) =
        unpack_bytes(tar(&[file("a", b""), file("b", b""), file("c", b"")]), Format::Tar, limits);
    assert!(matches!(unpacked, Err(UnpackError::Limit { what: "entries", limit: 2 })));

    let limits = Limits { bytes: 4, ..Limits::default() };
    let (_, unpacked) =
        unpack_bytes(tar(&[file("a", b"123"), file("b", b"45")]), Format::Tar, limits);
    assert!(matches!(unpacked, Err(UnpackError::Limit { what: "bytes", .. })));

    let bomb = gzip(&tar(&[file("zeros", &vec![0; 20 << 20])]));
    let (_, unpacked) =
        unpack_bytes(bomb, Format::TarGz, Limits { ratio: 20, ..Limits::default() });
    assert!(matches!(unpacked, Err(UnpackError::Limit { limit: 20, .. })));
}

/// An archive whose first file has a header of `size` bytes: a name that is far too long.
fn with_header(kind: EntryType, size: usize) -> Vec<u8> {
    let name = "n".repeat(size);
    let header = Raw { kind, ..file("header", name.as_bytes()) };
    tar(&[header, file("a", b"content")])
}

#[test]
fn the_header_of_a_file_is_limited_before_it_is_read() {
    let zst = |plain: &[u8]| {
        ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest)
    };
    for kind in [
        EntryType::GNULongName,
        EntryType::GNULongLink,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
    ] {
        let above = with_header(kind, limits::BETWEEN as usize);
        for (bytes, format) in [
            (above.clone(), Format::Tar),
            (gzip(&above), Format::TarGz),
            (zst(&above), Format::TarZst),
        ] {
            let (_, unpacked) = unpack_bytes(bytes, format, Limits::default());
            let limited =
                matches!(unpacked, Err(UnpackError::Limit { limit: limits::BETWEEN, .. }));
            assert!(limited, "{format} {kind:?}: {unpacked:?}");
        }
        let (_, unpacked) = unpack_bytes(with_header(kind, 4000), Format::Tar, Limits::default());
        assert!(!matches!(unpacked, Err(UnpackError::Limit { .. })), "{kind:?}: {unpacked:?}");
    }
}

#[test]
fn the_claimed_content_of_folders_and_links_is_limited() {
    for kind in [EntryType::Directory, EntryType::Symlink] {
        let content = vec![0; limits::BETWEEN as usize + 1];
        let odd = Raw { kind, link: "b", ..file("a", &content) };
        let (_, unpacked) =
            unpack_bytes(tar(&[odd, file("b", b"")]), Format::Tar, Limits::default());
        assert!(
            matches!(unpacked, Err(UnpackError::Limit { limit: limits::BETWEEN, .. })),
            "{kind:?}: {unpacked:?}"
        );
    }
}

#[test]
fn many_empty_entries_do_not_count_as_a_long_header() {
    let names: Vec<String> = (0..3000).map(|number| format!("f{number}/")).collect();
    let folders = names.iter().map(|name| Raw { kind: EntryType::Directory, ..file(name, b"") });
    let all: Vec<_> = folders.chain([file("a", b"")]).collect();
    unpack_bytes(tar(&all), Format::Tar, Limits::default()).1.unwrap();
}

#[test]
fn data_after_the_end_of_an_archive_is_limited() {
    let mut plain = tar(&[file("a", b"1")]);
    plain.resize(plain.len() + (20 << 20), 0);
    let limits = Limits { entries: 10, ratio: 20, ..Limits::default() };
    let (_, unpacked) = unpack_bytes(gzip(&plain), Format::TarGz, limits);
    assert!(matches!(unpacked, Err(UnpackError::Limit { limit: 20, .. })), "{unpacked:?}");
}

#[test]
fn names_links_and_chunks_are_limited_together() {
    // Each link costs its own name and that of its target.
    let (name, to) = ("n".repeat(90), "t".repeat(90));
    let (limits, counts) = (Limits::default(), DESCRIBED / (80 + 2 * 90));
    let many: Vec<String> = (0..counts + 10).map(|number| format!("{name}{number}")).collect();
    let entries: Vec<_> =
        [file(&to, b"")].into_iter().chain(many.iter().map(|name| link(name, &to))).collect();
    let (_, unpacked) = unpack_bytes(tar(&entries), Format::Tar, limits);
    assert!(
        matches!(unpacked, Err(UnpackError::Limit { what: "bytes of names and digests", .. })),
        "{unpacked:?}"
    );
}

#[test]
fn a_damaged_archive_is_reported_as_such() {
    let mut noise = vec![0; 300_000];
    noise.iter_mut().enumerate().for_each(|(at, byte)| *byte = ((at * at) >> 7) as u8);
    let plain = tar(&[file("a", &noise)]);
    let packed = gzip(&plain);
    let mut flipped = packed.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    for (bytes, format) in [
        (packed[..packed.len() / 2].to_vec(), Format::TarGz),
        (packed[..packed.len() - 4].to_vec(), Format::TarGz),
        (flipped, Format::TarGz),
        (plain[..1000].to_vec(), Format::Tar),
        (b"no archive at all".to_vec(), Format::Zip),
        (b"no archive at all".to_vec(), Format::TarZst),
    ] {
        let (_, unpacked) = unpack_bytes(bytes, format, Limits::default());
        assert!(matches!(unpacked, Err(UnpackError::Damaged { .. })), "{format}: {unpacked:?}");
    }
}

#[test]
fn a_format_is_recognised_by_the_name() {
    for (name, format) in [
        ("a.tar", Format::Tar),
        ("a.TGZ", Format::TarGz),
        ("x/a.tar.zst", Format::TarZst),
        ("a.jar", Format::Zip),
    ] {
        assert_eq!(Format::of(name), Some(format));
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    assert_eq!(Format::of("tar"), None);
}

proptest! {
    #[test]
    fn whatever_the_names_nothing_is_written_outside(
        names in prop::collection::vec(("[ab./]{1,8}", "[ab./]{0,8}", 0..4u8), 1..6)
    ) {
        let entries: Vec<Raw<'_>> = names
            .iter()
            .map(|(name, to, kind)| match kind {
                0 => link(name, to),
                1 => Raw { kind: EntryType::Link, link: to, ..file(name, b"") },
                2 => Raw { kind: EntryType::Directory, ..file(name, b"") },
                _ => file(name, b"x"),
            })
            .collect();
        let (outer, unpacked) = unpack_bytes(tar(&entries), Format::Tar, Limits::default());
        let folder = outer.path().join("a/b/folder");
        if let Ok(manifest) = unpacked {
            for entry in manifest.entries() {
                let real = fs_err::canonicalize(entry.path.under(&folder)).unwrap();
                prop_assert!(real.starts_with(fs_err::canonicalize(&folder).unwrap()));
            }
        }
    }

    #[test]
    fn unpacking_any_bytes_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for format in [Format::Tar, Format::TarGz, Format::TarZst, Format::Zip] {
            unpack_bytes(bytes.clone(), format, Limits::default()).1.ok();
        }
    }
}
