//! Names in the sandbox itself for what users asked to find there: the files are in the manifest's
//! tree.

use std::io::ErrorKind;
use std::path::{Component, Path};

use super::{ApplyError, Sandbox, WorkerSpec};

/// Makes the links that the description names. Those that are there already, from an earlier
/// attempt, may stay.
pub(super) fn make(spec: &WorkerSpec, sandbox: &Sandbox) -> Result<(), ApplyError> {
    for (name, target) in &spec.links {
        let wrong = || ApplyError::Link { name: name.clone(), target: target.clone() };
        if !is_inside(name) || name.contains('/') || !is_inside(target) {
            return Err(wrong());
        }
        let tree = Path::new("flink").join(target);
        fs_err::symlink_metadata(sandbox.path.join(&tree)).map_err(|_| wrong())?;
        let place = sandbox.path.join(name);
        match fs_err::os::unix::fs::symlink(&tree, &place) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if fs_err::read_link(&place).ok().is_none_or(|known| known != tree) {
                    return Err(error.into());
                }
            }
            made => made?,
        }
    }
    Ok(())
}

fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sandbox() -> (tempfile::TempDir, Sandbox) {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(folder.path().join("flink/uris/data")).unwrap();
        fs_err::write(folder.path().join("flink/uris/data/a.txt"), "content").unwrap();
        let sandbox = Sandbox { path: folder.path().to_owned() };
        (folder, sandbox)
    }

    fn spec(name: &str, target: &str) -> WorkerSpec {
        WorkerSpec { links: [(name.to_owned(), target.to_owned())].into(), ..WorkerSpec::default() }
    }

    #[test]
    fn a_name_in_the_sandbox_leads_into_the_tree() {
        let (folder, sandbox) = sandbox();
        for _attempt in 0..2 {
            make(&spec("data", "uris/data"), &sandbox).unwrap();
            assert_eq!(
                fs_err::read_to_string(folder.path().join("data/a.txt")).unwrap(),
                "content"
            );
        }
    }

    #[test]
    fn nothing_leads_out_of_the_tree_or_takes_another_place() {
        let (folder, sandbox) = sandbox();
        for (name, target) in [
            ("a", "../x"),
            ("a", "/etc/passwd"),
            ("../a", "uris"),
            ("a/b", "uris"),
            ("a", "gone"),
            ("", "uris"),
        ] {
            assert!(
                matches!(make(&spec(name, target), &sandbox), Err(ApplyError::Link { .. })),
                "{name} {target}"
            );
        }
        fs_err::write(folder.path().join("log"), "").unwrap();
        assert!(make(&spec("log", "uris"), &sandbox).is_err());
    }
}
