//! What an unpack takes of memory, and what it leaves: seen in a process that does nothing else.

#![expect(clippy::disallowed_methods, reason = "starts processes of its own and tells them their task in variables")]
#![allow(clippy::print_stdout, reason = "what the other process says")]

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use fetcher::unpack::{Format, Limits, unpack};
use tar::EntryType;

/// Most memory that an unpack may take, in KiB.
const MOST: u64 = 32 << 10;

/// How the other process is told what to do: the archive's format and the folder with it.
const TOLD: &str = "FLINK_MESOS_TEST_UNPACK";

/// Unpacks an archive in a process of its own, without any umask; says what that process said.
fn unpack_elsewhere(archive: &[u8], format: Format) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("archive"), archive).unwrap();
    fs_err::create_dir(folder.path().join("to")).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "--nocapture", "unpacking::in_a_process_of_its_own"]);
    let output = command.env(TOLD, format!("{format} {}", folder.path().display())).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    (folder, said)
}

#[test]
#[ignore = "the other process of the tests here"]
fn in_a_process_of_its_own() {
    let told = std::env::var(TOLD).unwrap();
    let (format, folder) = told.split_once(' ').unwrap();
    let folder = Path::new(folder);
    let archive = fs_err::File::open(folder.join("archive")).unwrap();
    nix::sys::stat::umask(nix::sys::stat::Mode::empty());
    // From here on the peak counts.
    fs_err::write("/proc/self/clear_refs", "5").unwrap();
    let before = memory("VmHWM:");
    let unpacked = unpack(archive, format.parse().unwrap(), &folder.join("to"), Limits::default());
    println!("took {} KiB", memory("VmHWM:") - before);
    match unpacked {
        Ok(manifest) => println!("unpacked {} entries", manifest.entries().len()),
        Err(error) => println!("refused: {error}"),
    }
}

/// A line of this process's status, in KiB.
fn memory(name: &str) -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn assert_small(what: &str, archive: &[u8], format: Format, expected: &str) {
    let (_folder, said) = unpack_elsewhere(archive, format);
    let took = said.lines().find_map(|line| line.strip_prefix("took ")?.strip_suffix(" KiB")?.parse().ok());
    println!("{what}, {format}: {said}");
    assert!(took.is_some_and(|took: u64| took <= MOST), "{what}, {format}: {said}");
    assert!(said.contains(expected), "{what}, {format}: {said}");
}

fn header(kind: EntryType, name: &str, size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mode(0o644);
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    header
}

/// As many files as an archive may have, with names as long as they are on average.
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

#[test]
fn an_unpack_takes_little_memory_whatever_comes() {
    assert_small("many files", &gzip(&many_files()), Format::TarGz, "unpacked 65536 entries");

    let name = vec![b'n'; 48 << 20];
    let mut long = tar::Builder::new(Vec::new());
    long.append(&header(EntryType::GNULongName, "long", name.len()), &name[..]).unwrap();
    long.append(&header(EntryType::Regular, "a", 0), &[][..]).unwrap();
    let long = long.into_inner().unwrap();
    let limited = "bytes between two entries that belong to no file";
    assert_small("a long name", &long, Format::Tar, limited);
    assert_small("a long name", &gzip(&long), Format::TarGz, limited);
    assert_small("a long name", &zstd(&long), Format::TarZst, limited);

    let mut directory = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for number in 0..=Limits::default().entries {
        let options = zip::write::SimpleFileOptions::default();
        directory.add_directory(format!("{number:050}"), options).unwrap();
    }
    let directory = directory.finish().unwrap().into_inner();
    assert_small("many folders", &directory, Format::Zip, "more than 65536 entries");
}

#[test]
fn what_is_unpacked_can_be_written_to_by_nobody_else_whatever_the_umask() {
    let mut archive = tar::Builder::new(Vec::new());
    archive.append(&header(EntryType::Regular, "x/y/z", 3), &b"abc"[..]).unwrap();
    let mut link = header(EntryType::Symlink, "l/m", 0);
    link.as_old_mut().linkname[..6].copy_from_slice(b"../x/y");
    link.set_cksum();
    archive.append(&link, &[][..]).unwrap();
    let (folder, said) = unpack_elsewhere(&archive.into_inner().unwrap(), Format::Tar);
    assert!(said.contains("unpacked 2 entries"), "{said}");
    for (name, expected) in [("x", 0o755), ("x/y", 0o755), ("l", 0o755), ("x/y/z", 0o444)] {
        let mode = fs_err::metadata(folder.path().join("to").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, expected, "{name}");
    }
}
