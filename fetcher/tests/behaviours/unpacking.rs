//! What an unpack takes of memory, and what it leaves: seen in a process that does nothing else.

#![expect(clippy::disallowed_methods, reason = "starts processes of its own and tells them their task in variables")]
#![allow(clippy::print_stdout, reason = "what the other process says")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use fetcher::unpack::Format;
use tar::EntryType;

use crate::heavy::{Heavy, MOST, archives, header, took, unpack_here};

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
    unpack_here(format.parse().unwrap(), Path::new(folder));
}

#[test]
fn an_unpack_takes_little_memory_whatever_comes() {
    for Heavy { what, format, archive, expected } in archives() {
        let (_folder, said) = unpack_elsewhere(&archive, format);
        println!("{what}, {format}: {said}");
        assert!(took(&said).is_some_and(|took| took <= MOST), "{what}, {format}: {said}");
        assert!(said.contains(expected), "{what}, {format}: {said}");
    }
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
