#![allow(clippy::unwrap_used)]
use super::*;

fn artifact(folder: &Path, name: &str, content: &str) -> Artifact {
    let source = folder.join(name.replace('/', "_"));
    fs_err::write(&source, content).unwrap();
    Artifact { source, target: name.to_owned(), executable: false, secret: false }
}

#[tokio::test]
async fn the_same_files_have_the_same_manifest_in_any_folder() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut digests = Vec::new();
    for folder in [&one, &other] {
        let artifacts =
            vec![artifact(folder.path(), "lib/a", "1"), artifact(folder.path(), "b", "2")];
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
async fn a_target_outside_of_the_tree_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let mut outside = artifact(folder.path(), "a", "1");
    outside.target = "../a".to_owned();
    assert!(matches!(build(vec![outside]).await, Err(BuildError::Target { .. })));
}

#[tokio::test]
async fn two_files_for_one_target_are_rejected() {
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
    let kinds: Vec<bool> =
        manifest.entries().iter().map(|entry| matches!(entry.kind, Kind::Link(_))).collect();
    assert_eq!(kinds, [false, true, false]);
    assert_eq!(manifest.entries()[2].digest(), Some(Digest::of(b"other")));
}

#[tokio::test]
async fn content_that_is_secret_in_one_use_is_secret_in_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut secret = artifact(folder.path(), "b", "same");
    secret.secret = true;
    let (_, catalogue) = build(vec![artifact(folder.path(), "a", "same"), secret]).await.unwrap();
    assert!(catalogue.get(&Digest::of(b"same")).unwrap().secret);
}

fn remembering(path: &Path) -> BuildOptions {
    BuildOptions { hash_cache: Some(path.to_owned()), ..BuildOptions::default() }
}

/// Gives a file an old modification time.
fn settle(path: &Path) {
    let file = fs_err::OpenOptions::new().write(true).open(path).unwrap();
    file.file()
        .set_modified(
            std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000),
        )
        .unwrap();
}

#[tokio::test]
async fn an_unchanged_file_is_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("hashes");
    let artifact = artifact(folder.path(), "a", "content");
    settle(&artifact.source);
    let (first, _) = build_with(vec![artifact.clone()], remembering(&cache)).await.unwrap();

    // A digest that only the cache can contain shows where it was taken from.
    let (real, planted) = (Digest::of(b"content").to_string(), Digest::of(b"planted").to_string());
    let text = fs_err::read_to_string(&cache).unwrap();
    assert!(text.contains(&real));
    fs_err::write(&cache, text.replace(&real, &planted)).unwrap();
    let (second, _) = build_with(vec![artifact.clone()], remembering(&cache)).await.unwrap();
    assert_eq!(second.entries()[0].digest(), Some(Digest::of(b"planted")));

    fs_err::write(&artifact.source, "CONTENT").unwrap();
    let (third, _) = build_with(vec![artifact], remembering(&cache)).await.unwrap();
    assert_eq!(third.entries()[0].digest(), Some(Digest::of(b"CONTENT")));
    assert_ne!(first.digest(), third.digest());
}

#[tokio::test]
async fn a_file_that_has_just_been_changed_is_hashed_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("hashes");
    build_with(vec![artifact(folder.path(), "a", "content")], remembering(&cache)).await.unwrap();
    assert!(!fs_err::read_to_string(&cache).unwrap().contains(&Digest::of(b"content").to_string()));
}

#[tokio::test]
async fn a_damaged_or_unwritable_cache_costs_only_time() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("hashes");
    fs_err::write(&cache, "{ no json").unwrap();
    build_with(vec![artifact(folder.path(), "a", "1")], remembering(&cache)).await.unwrap();
    build_with(vec![artifact(folder.path(), "a", "1")], remembering(Path::new("/nowhere/hashes")))
        .await
        .unwrap();
}
