use super::*;

fn ended(status: ExitStatus) -> Ended {
    Ended { status, survivors: crate::core::Survivors::default() }
}

fn scene(files: &[(&str, &str)]) -> (tempfile::TempDir, Scene) {
    let folder = tempfile::TempDir::new().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }
    let sandbox = Sandbox { path: folder.path().into() };
    let scene = Scene::begin(sandbox, 7, folder.path().into(), Mask::default());
    (folder, scene)
}

fn explanation(status: ExitStatus, files: &[(&str, &str)]) -> String {
    let (_folder, scene) = scene(files);
    scene.explain(ended(status)).explanation
}

const DATA_PORT: &str =
        "2026-11-28 23:14:48,503 WARN  o.a.f.c.p.PluginConfig [] - The plugins directory does not exist.
2026-11-28 23:15:03,653 ERROR o.a.f.r.t.TaskManagerRunner [] - Terminating TaskManagerRunner with exit code 1.
org.apache.flink.util.FlinkException: Failed to start the TaskManagerRunner.
\tat org.apache.flink.runtime.X.y(X.java:1)
Caused by: java.io.IOException: Failed to instantiate network connection manager.
\t... 5 more
Caused by: java.net.BindException: Could not start rest endpoint on any port in port range 28777
\t... 5 more
2026-11-28 23:15:04,014 INFO  o.a.p.r.RemoteActorRefProvider [] - Remoting shut down.
";

const JVM_WARNINGS: &str = "WARNING: A terminally deprecated method in java.lang.System has been called
WARNING: System::setSecurityManager has been called by org.apache.flink.core.security.FlinkSecurityManager
WARNING: Please consider reporting this to the maintainers of org.apache.flink.core.security.FlinkSecurityManager
WARNING: System::setSecurityManager will be removed in a future release
";

#[test]
fn the_reason_is_the_exception_with_its_causes_once_and_the_port_comes_first() {
    let files = [("log/taskmanager.log", DATA_PORT), ("log/taskmanager.err", JVM_WARNINGS)];
    let expected = "port 28777: the port is taken by another process on this agent, although Mesos offered it\n\
            org.apache.flink.util.FlinkException: Failed to start the TaskManagerRunner.\n\
            caused by: java.io.IOException: Failed to instantiate network connection manager.\n\
            caused by: java.net.BindException: Could not start rest endpoint on any port in port range 28777";
    assert_eq!(explanation(ExitStatus::Code(1), &files), expected);
}

#[test]
fn the_folder_that_an_exception_names_comes_first() {
    let log = "2026-11-28 23:13:30,159 ERROR o.a.f.r.t.TaskManagerRunner [] - Terminating TaskManagerRunner with exit code 1.\n\
            java.lang.RuntimeException: unable to generate a JAAS configuration file\n\tat a.B.c(D.java:1)\n\
            Caused by: java.nio.file.NoSuchFileException: /proc/not\n\t... 6 more\n";
    let expected = "/proc/not: this agent has no such file or folder, or the task's user may not use it\n\
            java.lang.RuntimeException: unable to generate a JAAS configuration file\n\
            caused by: java.nio.file.NoSuchFileException: /proc/not";
    assert_eq!(explanation(ExitStatus::Code(1), &[("log/taskmanager.log", log)]), expected);
    let (_folder, scene) = scene(&[("log/taskmanager.log", log)]);
    assert_eq!(scene.explain(ended(ExitStatus::Code(1))).blame, Blame::Agent);
}

#[test]
fn a_jvm_that_runs_out_of_memory_says_so_only_on_its_standard_output() {
    let handled = "2026 WARN x [] - java.net.UnknownHostException: later\njava.net.UnknownHostException: later\n\tat a.B\n";
    let out = "Terminating due to java.lang.OutOfMemoryError: Java heap space\n";
    let files = [("log/taskmanager.log", handled), ("log/taskmanager.out", out)];
    let text = explanation(ExitStatus::Code(3), &files);
    assert!(
        text.starts_with("the heap is used up: raise taskmanager.memory.task.heap.size"),
        "{text}"
    );
    assert!(!text.contains("UnknownHost"), "{text}");
    // JDK 17; JDK 25 has a blank before KB.
    let out = "Error occurred during initialization of VM\nCould not reserve enough space for 8388608KB object heap\n";
    let text = explanation(ExitStatus::Code(1), &[("log/taskmanager.out", out)]);
    assert!(text.starts_with("this agent has less memory left"), "{text}");
    let err = "Exception in thread \"main\" java.lang.OutOfMemoryError: Cannot reserve 1048576 bytes of direct buffer \
            memory (allocated: 16777216, limit: 16777216)\n\tat java.base/java.nio.Bits.reserveMemory(Bits.java:178)\n";
    let text = explanation(ExitStatus::Code(1), &[("log/taskmanager.err", err)]);
    assert!(text.starts_with("direct memory is used up"), "{text}");
}

#[test]
fn a_jvm_that_exits_without_logging_why_may_have_had_too_little_metaspace() {
    let everyday = "2026-11-29 01:41:23,375 INFO  o.a.f.r.t.TaskManagerRunner [] - Using configured hostname\n";
    let files = [("log/taskmanager.log", everyday), ("log/taskmanager.err", JVM_WARNINGS)];
    let text = explanation(ExitStatus::Code(1), &files);
    assert!(text.starts_with(SILENT_END) && text.contains("Using configured hostname"), "{text}");
    let (_folder, scene) = scene(&files);
    assert_eq!(scene.explain(ended(ExitStatus::Code(1))).blame, Blame::Configuration);
    // Another code, an error in the log, or output on the standard error mean something else.
    assert!(!explanation(ExitStatus::Code(2), &files).contains(SILENT_END));
    let error = format!("{everyday}2026-11-29 01:41:23,380 ERROR x [] - no\n");
    assert!(
        !explanation(ExitStatus::Code(1), &[("log/taskmanager.log", &error)]).contains(SILENT_END)
    );
    let script =
        [("log/taskmanager.log", everyday), ("log/taskmanager.err", "wrapper: no such option\n")];
    assert!(!explanation(ExitStatus::Code(1), &script).contains(SILENT_END));
    assert!(
        !explanation(ExitStatus::Code(1), &[("log/taskmanager.err", "oh\n")]).contains(SILENT_END)
    );
}

#[test]
fn a_reason_has_at_most_five_lines_and_repeats_nothing() {
    let log = (1..50).map(|at| format!("2026 INFO line {at}\n")).collect::<Vec<_>>().concat();
    for (log, err) in [
        (DATA_PORT, "oh\n"),
        (log.as_str(), "one\ntwo\nthree\n"),
        (log.as_str(), ""),
        ("", "oh\noh oh\n"),
    ] {
        let files =
            [("log/taskmanager.log", log), ("log/taskmanager.err", err), ("hs_err_pid9.log", "")];
        let text = explanation(ExitStatus::Code(1), &files);
        let lines: Vec<&str> = text.lines().collect();
        let once: std::collections::BTreeSet<&str> = lines.iter().copied().collect();
        assert!(lines.len() <= 5 && once.len() == lines.len(), "{text}");
    }
}

#[test]
fn a_port_that_only_root_may_take_is_not_reported_as_taken() {
    assert_eq!(port_advice(21, 1024, false), symptoms::PORT_FORBIDDEN);
    assert_eq!(port_advice(21, 1024, true), symptoms::PORT_TAKEN);
    assert_eq!(port_advice(31000, 1024, false), symptoms::PORT_TAKEN);
    assert_eq!(port_advice(21, 0, false), symptoms::PORT_TAKEN, "as this host is configured");
}

#[test]
fn a_crash_file_is_named() {
    let crash = "#\n# A fatal error has been detected:\n#\n#  SIGSEGV (0xb) at pc=0x1\n";
    let (folder, scene) = scene(&[("hs_err_pid7.log", crash)]);
    let exit = scene.explain(ended(ExitStatus::Signal(6)));
    let file = folder.path().join("hs_err_pid7.log");
    let text = format!("the JVM crashed: SIGSEGV (0xb) at pc=0x1; see {}", file.display());
    assert_eq!(exit.explanation, format!("{text}\nleft in the sandbox: hs_err_pid7.log (0.0 MB)"));
}

#[test]
fn a_death_without_any_log_is_explained_by_its_exit_status() {
    let (_folder, scene) = scene(&[]);
    assert!(
        scene
            .explain(ended(ExitStatus::Signal(SIGKILL)))
            .explanation
            .starts_with("killed by another process")
    );
    assert!(
        scene
            .explain(ended(ExitStatus::Code(FLINK_FATAL)))
            .explanation
            .starts_with("Flink gave up")
    );
    assert_eq!(scene.explain(ended(ExitStatus::Code(5))).explanation, "it wrote nothing to log/");
}

#[test]
fn explanations_are_bounded() {
    let (_folder, scene) =
        scene(&[("log/taskmanager.err", &"é".repeat(100_000).replace("éééééééééé", "éé\n"))]);
    assert!(scene.explain(ended(ExitStatus::Code(1))).explanation.chars().count() <= LONGEST + 1);
}
