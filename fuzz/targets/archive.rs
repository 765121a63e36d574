//! Archives of every format: whatever the bytes, nothing is written outside the folder, and the
//! manifest matches the files. The first byte chooses the format.
#![no_main]

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::Path;

use fetcher_formats::Format;
use fetcher_formats::unpack::{Limits, unpack};
use libfuzzer_sys::fuzz_target;

const FORMATS: [Format; 4] = [Format::Tar, Format::TarGz, Format::TarZst, Format::Zip];
const LIMITS: Limits = Limits { entries: 100, bytes: 1 << 20, ratio: 1000 };

fuzz_target!(|bytes: &[u8]| {
    let Some((first, archive)) = bytes.split_first() else { return };
    let format = FORMATS[usize::from(*first) % FORMATS.len()];
    let outside = fuzz::folder();
    let folder = outside.path().join("folder");
    fs_err::create_dir(&folder).expect("a folder to unpack into");
    let unpacked = unpack(Cursor::new(archive), format, &folder, LIMITS);
    assert_eq!(
        names(outside.path()),
        BTreeSet::from(["folder".to_owned()]),
        "something was written outside"
    );
    let Ok(manifest) = unpacked else { return };
    let mut there = BTreeSet::new();
    list(&folder, "", &mut there);
    assert_eq!(there, manifest.entries().iter().map(|entry| entry.path.to_string()).collect());
});

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs_err::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect()
}

/// Lists everything below `folder` except folders; links are not followed.
fn list(folder: &Path, prefix: &str, there: &mut BTreeSet<String>) {
    for name in names(folder) {
        let path = folder.join(&name);
        match fs_err::symlink_metadata(&path).expect("an entry").is_dir() {
            true => list(&path, &format!("{prefix}{name}/"), there),
            false => drop(there.insert(format!("{prefix}{name}"))),
        }
    }
}
