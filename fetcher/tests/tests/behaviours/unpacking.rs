//! The memory that unpacking uses, and the permissions of its result, measured in a process that
//! does nothing else.

#![expect(
    clippy::disallowed_methods,
    reason = "starts processes and passes their task in variables"
)]
#![allow(clippy::print_stdout, reason = "the output of the other process")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use fetcher_formats::Format;
use fetcher_tests::heavy::{Heavy, MOST, archives, header, took, unpack_here};
use tar::EntryType;

/// Variable with the task of the other process: the archive's format and its folder.
const TASK_VARIABLE: &str = "FLINK_MESOS_TEST_UNPACK";

/// Unpacks an archive in a process of its own with umask 0; returns its output.
fn unpack_elsewhere(archive: &[u8], format: Format) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("archive"), archive).unwrap();
    fs_err::create_dir(folder.path().join("to")).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "--nocapture", "unpacking::in_a_process_of_its_own"]);
    let output = command
        .env(TASK_VARIABLE, format!("{format} {}", folder.path().display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    (folder, said)
}

#[test]
#[ignore = "the other process of the tests here"]
fn in_a_process_of_its_own() {
    let task = std::env::var(TASK_VARIABLE).unwrap();
    let (format, folder) = task.split_once(' ').unwrap();
    unpack_here(format.parse().unwrap(), Path::new(folder));
}

#[test]
fn unpacking_uses_little_memory_whatever_the_archive() {
    for Heavy { what, format, archive, expected } in archives() {
        let (_folder, said) = unpack_elsewhere(&archive, format);
        println!("{what}, {format}: {said}");
        assert!(took(&said).is_some_and(|took| took <= MOST), "{what}, {format}: {said}");
        assert!(said.contains(expected), "{what}, {format}: {said}");
    }
}

#[test]
fn unpacked_files_are_not_writable_for_others_whatever_the_umask() {
    let mut archive = tar::Builder::new(Vec::new());
    archive.append(&header(EntryType::Regular, "x/y/z", 3), &b"abc"[..]).unwrap();
    let mut link = header(EntryType::Symlink, "l/m", 0);
    link.as_old_mut().linkname[..6].copy_from_slice(b"../x/y");
    link.set_cksum();
    archive.append(&link, &[][..]).unwrap();
    let (folder, said) = unpack_elsewhere(&archive.into_inner().unwrap(), Format::Tar);
    assert!(said.contains("unpacked 2 entries"), "{said}");
    for (name, expected) in [("x", 0o755), ("x/y", 0o755), ("l", 0o755), ("x/y/z", 0o444)] {
        let mode =
            fs_err::metadata(folder.path().join("to").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, expected, "{name}");
    }
}
