//! Archives that could need a lot of memory, and a measurement of what unpacking one needs in this
//! process.

#![allow(clippy::print_stdout, reason = "the output of the other process")]

use std::io::Write as _;
use std::path::Path;

use fetcher_formats::Format;
use fetcher_formats::unpack::{Limits, unpack};
use tar::EntryType;

/// The most memory that unpacking may use, in KiB.
pub const MOST: u64 = 32 << 10;

/// An archive, and the expected output.
pub struct Heavy {
    pub what: &'static str,
    pub format: Format,
    pub archive: Vec<u8>,
    pub expected: &'static str,
}

/// Archives with as much as allowed in each place that could need memory.
pub fn archives() -> Vec<Heavy> {
    let name = vec![b'n'; 48 << 20];
    let mut long = tar::Builder::new(Vec::new());
    long.append(&header(EntryType::GNULongName, "long", name.len()), &name[..]).unwrap();
    long.append(&header(EntryType::Regular, "a", 0), &[][..]).unwrap();
    let long = long.into_inner().unwrap();
    let (what, limited) = ("a long name", "bytes between two entries that belong to no file");

    let mut directory = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for number in 0..=Limits::default().entries {
        let options = zip::write::SimpleFileOptions::default();
        directory.add_directory(format!("{number:050}"), options).unwrap();
    }
    let (folders, many) = (directory.finish().unwrap().into_inner(), gzip(&many_files()));
    vec![
        Heavy {
            what: "many files",
            format: Format::TarGz,
            archive: many,
            expected: "unpacked 65536 entries",
        },
        Heavy { what, format: Format::TarGz, archive: gzip(&long), expected: limited },
        Heavy { what, format: Format::TarZst, archive: zstd(&long), expected: limited },
        Heavy { what, format: Format::Tar, archive: long, expected: limited },
        Heavy {
            what: "many folders",
            format: Format::Zip,
            archive: folders,
            expected: "more than 65536 entries",
        },
    ]
}

/// Unpacks `folder`'s archive into its `to`, and prints the memory used and the result.
pub fn unpack_here(format: Format, folder: &Path) {
    let archive = fs_err::File::open(folder.join("archive")).unwrap();
    nix::sys::stat::umask(nix::sys::stat::Mode::empty());
    // Reset the peak, so that it counts from here on.
    fs_err::write("/proc/self/clear_refs", "5").unwrap();
    let before = memory("VmHWM:");
    let unpacked = unpack(archive, format, &folder.join("to"), Limits::default());
    println!("took {} KiB", memory("VmHWM:") - before);
    match unpacked {
        Ok(manifest) => println!("unpacked {} entries", manifest.entries().len()),
        Err(error) => println!("refused: {error}"),
    }
}

/// The memory that `unpack_here` has printed, in KiB.
pub fn took(said: &str) -> Option<u64> {
    said.lines().find_map(|line| line.strip_prefix("took ")?.strip_suffix(" KiB")?.parse().ok())
}

/// A value from this process's `/proc/self/status`, in KiB.
fn memory(name: &str) -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

pub fn header(kind: EntryType, name: &str, size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mode(0o644);
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    header
}

/// The most files that an archive may have, with names of average length.
fn many_files() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for number in 0..Limits::default().entries {
        archive.append(&header(EntryType::Regular, &format!("{number:060}"), 0), &[][..]).unwrap();
    }
    archive.into_inner().unwrap()
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(plain).unwrap();
    packed.finish().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest)
}
