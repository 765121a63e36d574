#![allow(clippy::unwrap_used)]
use super::*;

fn artifact(folder: &Path, name: &str, content: &str) -> Artifact {
    let source = folder.join(name.replace('/', "_"));
    fs_err::write(&source, content).unwrap();
    Artifact { source, target: name.to_owned(), executable: false, secret: false }
}

#[tokio::test]
async fn the_same_files_have_the_same_manifest_wherever_they_lie() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut digests = Vec::new();
    for folder in [&one, &other] {
        let artifacts = vec![artifact(folder.path(), "lib/a", "1"), artifact(folder.path(), "b", "2")];
        digests.push(build(artifacts).await.unwrap().0.digest());
    }
    assert_eq!(digests[0], digests[1]);
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut missing = artifact(folder.path(), "lib/a", "1");
    missing.source.set_file_name("gone.jar");
    let error = build(vec![missing]).await.unwrap_err();
    assert!(error.to_string().contains("gone.jar"), "{error}");
}

#[tokio::test]
async fn a_target_outside_of_the_tree_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut outside = artifact(folder.path(), "a", "1");
    outside.target = "../a".to_owned();
    assert!(matches!(build(vec![outside]).await, Err(BuildError::Target { .. })));
}

#[tokio::test]
async fn two_files_for_one_target_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = artifact(folder.path(), "b", "2");
    other.target = "a".to_owned();
    let error = build(vec![artifact(folder.path(), "a", "1"), other]).await.unwrap_err();
    assert!(matches!(error, BuildError::Duplicate { .. }), "{error}");
}

#[tokio::test]
async fn a_link_to_another_artifact_stays_a_link_and_others_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let lib = folder.path().join("lib");
    fs_err::create_dir(&lib).unwrap();
    let artifact = |name: &str| Artifact {
        source: lib.join(name),
        target: format!("lib/{name}"),
        executable: false,
        secret: false,
    };
    fs_err::write(lib.join("a-1.jar"), "jar").unwrap();
    fs_err::write(folder.path().join("outside.jar"), "other").unwrap();
    fs_err::os::unix::fs::symlink("a-1.jar", lib.join("a.jar")).unwrap();
    fs_err::os::unix::fs::symlink("../outside.jar", lib.join("b.jar")).unwrap();

    let artifacts = vec![artifact("a-1.jar"), artifact("a.jar"), artifact("b.jar")];
    let (manifest, _) = build(artifacts).await.unwrap();
    let kinds: Vec<bool> = manifest.entries().iter().map(|entry| matches!(entry.kind, Kind::Link(_))).collect();
    assert_eq!(kinds, [false, true, false]);
    assert_eq!(manifest.entries()[2].digest(), Some(Digest::of(b"other")));
}

#[tokio::test]
async fn content_that_is_secret_once_is_secret_always() {
    let folder = tempfile::tempdir().unwrap();
    let mut secret = artifact(folder.path(), "b", "same");
    secret.secret = true;
    let (_, catalogue) = build(vec![artifact(folder.path(), "a", "same"), secret]).await.unwrap();
    assert!(catalogue.get(&Digest::of(b"same")).unwrap().secret);
}
