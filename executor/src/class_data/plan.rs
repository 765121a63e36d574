//! The parts of a command that an archive of class data depends on.
//!
//! A JVM uses an archive that was written by the same build of Java for a class path that begins
//! with the same files at the same paths. It compares only sizes and times of the files. So the
//! class path must lead to the cache, where each path contains the digest of its content. Options
//! that only set a size, such as the heap's, do not matter.

use std::{
    fmt::Write as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use fetcher_formats::Digest;
use flink::command::CommandLine;

/// The oldest release that was tested.
const OLDEST_JAVA: u32 = 17;

/// From this heap size on, in bytes, the JVM lays out classes differently. Archives are written for
/// smaller heaps only.
const LARGE_HEAP: u64 = 32 << 30;

/// Options and variables that show that users configure class-data sharing themselves.
const CUSTOM_SETTINGS: [&str; 6] = [
    "SharedArchiveFile",
    "-Xshare",
    "ArchiveClassesAtExit",
    "AutoCreateSharedArchive",
    "DynamicDumpInfo",
    "-XX:AOT",
];

const OPTION_VARIABLES: [&str; 4] =
    ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "JDK_AOT_VM_OPTIONS"];

/// Options that change the layout of classes in memory, or which classes exist.
const LAYOUT_OPTIONS: [&str; 6] = [
    "-XX:+UseCompressed",
    "-XX:-UseCompressed",
    "-XX:ObjectAlignmentInBytes",
    "-XX:+UseCompactObjectHeaders",
    "-XX:-UseCompactObjectHeaders",
    "-Xbootclasspath",
];

/// How to find and how to write the archive of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// The archive's key in the cache.
    pub(super) key: Digest,
    /// The java program.
    pub(super) program: PathBuf,
    /// The jars of the class path that the archive covers.
    pub(super) class_path: String,
    /// The options that the archive depends on.
    pub(super) options: Vec<String>,
}

impl Plan {
    /// The plan for this command, or why it cannot have an archive. Blocking.
    pub(super) fn of(command: &CommandLine) -> Result<Self, String> {
        let at = command
            .arguments
            .iter()
            .position(|argument| argument == "-classpath")
            .ok_or("no class path")?;
        let (options, rest) = command.arguments.split_at(at);
        let set = command
            .environment
            .iter()
            .filter(|(name, _)| OPTION_VARIABLES.contains(&name.as_str()));
        for given in options.iter().chain(set.map(|(_, value)| value)) {
            if let Some(word) = CUSTOM_SETTINGS.iter().find(|word| given.contains(**word)) {
                return Err(format!("{word} is set already"));
            }
        }
        if options.iter().filter_map(|option| option.strip_prefix("-Xmx")).any(is_large) {
            return Err("the heap is 32 GB or more".to_owned());
        }
        let class_path = rest.get(1).map(String::as_str).unwrap_or_default();
        let jars = jars(class_path);
        let class_path = jars.iter().map(|(jar, _)| *jar).collect::<Vec<_>>().join(":");
        if jars.is_empty()
            || jars.iter().any(|(jar, _)| Path::new(jar).starts_with(&command.directory))
        {
            return Err("the class path leads into the sandbox, not to the cache".to_owned());
        }
        let options = layout_options(options);
        let mut facts = build(&command.program)?;
        for (jar, seen) in &jars {
            writeln!(facts, "{jar} {seen}").map_err(|error| error.to_string())?;
        }
        facts.push_str(&options.join("\n"));
        Ok(Self {
            key: Digest::of(facts.as_bytes()),
            program: command.program.clone(),
            class_path,
            options,
        })
    }
}

/// Options that make a JVM use an archive, and ignore it silently if it does not fit.
pub(super) fn using(archive: &Path) -> [String; 3] {
    [
        format!("-XX:SharedArchiveFile={}", archive.display()),
        "-Xshare:auto".to_owned(),
        "-Xlog:cds*=off".to_owned(),
    ]
}

/// The jars at the beginning of a class path. An archive may not cover what follows a folder.
fn jars(class_path: &str) -> Vec<(&str, String)> {
    class_path.split(':').map_while(|entry| Some((entry, seen(Path::new(entry))?))).collect()
}

/// Size and time of a file; none if it is not a file.
fn seen(file: &Path) -> Option<String> {
    let metadata = fs_err::metadata(file).ok().filter(std::fs::Metadata::is_file)?;
    Some(format!("{} {}.{}", metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}

/// What distinguishes one build of Java from another.
fn build(program: &Path) -> Result<String, String> {
    let real = fs_err::canonicalize(program).map_err(|error| error.to_string())?;
    let home = real.parent().and_then(Path::parent).ok_or("java has no home")?;
    let release = common::files::read_text(&home.join("release"), flink::java::LARGEST_RELEASE);
    let release = release.map_err(|error| error.to_string())?;
    let version = release.lines().find_map(|line| line.strip_prefix("JAVA_VERSION=\""));
    let version = version.and_then(|version| {
        version.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok()
    });
    if version.is_none_or(|version| version < OLDEST_JAVA) {
        return Err(format!("Java {OLDEST_JAVA} or newer is required"));
    }
    let mut facts = format!("{}\n{release}\n", home.display());
    for file in ["lib/modules", "lib/server/libjvm.so", "lib/server/classes.jsa"] {
        let seen =
            seen(&home.join(file)).ok_or_else(|| format!("{} has no {file}", home.display()))?;
        writeln!(facts, "{file} {seen}").map_err(|error| error.to_string())?;
    }
    Ok(facts)
}

/// The options about modules and the layout of classes, in their order.
fn layout_options(options: &[String]) -> Vec<String> {
    let mut chosen = Vec::new();
    let mut options = options.iter().peekable();
    while let Some(option) = options.next() {
        if option.starts_with("--") {
            chosen.push(option.clone());
            // The value may be a separate argument.
            if !option.contains('=') && options.peek().is_some_and(|next| !next.starts_with('-')) {
                chosen.extend(options.next().cloned());
            }
        } else if LAYOUT_OPTIONS.iter().any(|start| option.starts_with(start))
            || is_collector(option)
        {
            chosen.push(option.clone());
        }
    }
    chosen
}

/// Whether it is `-XX:+UseG1GC` or another collector's option.
fn is_collector(option: &str) -> bool {
    option.strip_prefix("-XX:+Use").is_some_and(|name| name.ends_with("GC"))
}

/// Whether a size such as `536870902`, `512m` or `40G` is at least [`LARGE_HEAP`].
fn is_large(size: &str) -> bool {
    let digits = size.trim_end_matches(|c: char| !c.is_ascii_digit());
    let shift = match size.get(digits.len()..).unwrap_or_default() {
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        "t" | "T" => 40,
        _ => 0,
    };
    digits.parse::<u64>().is_ok_and(|number| number >= LARGE_HEAP >> shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scene {
        folder: tempfile::TempDir,
        command: CommandLine,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            for file in [
                "bin/java",
                "lib/modules",
                "lib/server/libjvm.so",
                "lib/server/classes.jsa",
                "tree/a.jar",
                "tree/b.jar",
            ] {
                let path = folder.path().join(file);
                fs_err::create_dir_all(path.parent().unwrap()).unwrap();
                fs_err::write(path, "").unwrap();
            }
            fs_err::write(folder.path().join("release"), "JAVA_VERSION=\"17.0.15\"\n").unwrap();
            let place = folder.path().display().to_string();
            let arguments = [
                "-Xmx1g",
                "-XX:+UseG1GC",
                "--add-opens",
                "java.base/java.lang=ALL-UNNAMED",
                "-classpath",
                &format!("{place}/tree/a.jar:{place}/tree/b.jar:{place}/tree"),
                "Main",
                "--configDir",
            ];
            let command = CommandLine {
                program: folder.path().join("bin/java"),
                arguments: arguments.map(str::to_owned).to_vec(),
                environment: Vec::new(),
                directory: "/sandbox".into(),
            };
            Self { folder, command }
        }

        fn key_with(&self, change: impl Fn(&mut CommandLine)) -> Digest {
            let mut command = self.command.clone();
            change(&mut command);
            Plan::of(&command).unwrap().key
        }

        fn refusal(&self, change: impl Fn(&mut CommandLine)) -> String {
            let mut command = self.command.clone();
            change(&mut command);
            Plan::of(&command).unwrap_err()
        }
    }

    #[test]
    fn only_module_options_and_jars_change_the_key() {
        let scene = Scene::new();
        let plan = Plan::of(&scene.command).unwrap();
        assert_eq!(
            plan.options,
            ["-XX:+UseG1GC", "--add-opens", "java.base/java.lang=ALL-UNNAMED"]
        );
        assert!(plan.class_path.ends_with("/tree/b.jar"), "{}", plan.class_path);
        assert_eq!(scene.key_with(|command| command.arguments[0] = "-Xmx9g".into()), plan.key);
        assert_eq!(scene.key_with(|command| command.arguments.insert(0, "-Dx=y".into())), plan.key);
        assert_eq!(scene.key_with(|command| command.directory = "/another".into()), plan.key);
        assert_ne!(
            scene.key_with(|command| command.arguments[1] = "-XX:+UseSerialGC".into()),
            plan.key
        );
        assert_ne!(
            scene.key_with(|command| command.arguments.insert(0, "--add-modules=x".into())),
            plan.key
        );
    }

    #[test]
    fn another_java_or_another_jar_changes_the_key() {
        for file in ["lib/modules", "lib/server/libjvm.so", "lib/server/classes.jsa", "tree/b.jar"]
        {
            let scene = Scene::new();
            let before = scene.key_with(|_| {});
            fs_err::write(scene.folder.path().join(file), "changed").unwrap();
            assert_ne!(scene.key_with(|_| {}), before, "{file}");
        }
        let scene = Scene::new();
        let before = scene.key_with(|_| {});
        fs_err::write(scene.folder.path().join("release"), "JAVA_VERSION=\"21.0.1\"\n").unwrap();
        assert_ne!(scene.key_with(|_| {}), before);
    }

    #[test]
    fn users_who_configure_class_data_sharing_themselves_are_left_alone() {
        let scene = Scene::new();
        for option in [
            "-XX:SharedArchiveFile=x.jsa",
            "-Xshare:off",
            "-XX:ArchiveClassesAtExit=x",
            "-XX:AOTCache=x",
        ] {
            let refusal = scene.refusal(|command| command.arguments.insert(0, option.into()));
            assert!(refusal.contains("set already"), "{option}: {refusal}");
        }
        let variable = ("JAVA_TOOL_OPTIONS".to_owned(), "-Xshare:off".to_owned());
        assert!(
            scene.refusal(|command| command.environment.push(variable.clone())).contains("-Xshare")
        );
    }

    #[test]
    fn large_heaps_old_javas_and_class_paths_in_the_sandbox_have_no_archive() {
        let scene = Scene::new();
        for size in ["-Xmx32g", "-Xmx34359738368", "-Xmx40000m", "-Xmx1t"] {
            assert!(
                scene.refusal(|command| command.arguments[0] = size.into()).contains("32 GB"),
                "{size}"
            );
        }
        let sandbox = scene.folder.path().to_owned();
        assert!(
            scene.refusal(|command| command.directory.clone_from(&sandbox)).contains("sandbox")
        );
        assert!(
            scene
                .refusal(|command| command.arguments[5] = "/no/such.jar".into())
                .contains("sandbox")
        );
        fs_err::write(scene.folder.path().join("release"), "JAVA_VERSION=\"11.0.1\"\n").unwrap();
        assert_eq!(scene.refusal(|_| {}), "Java 17 or newer is required");
    }
}
