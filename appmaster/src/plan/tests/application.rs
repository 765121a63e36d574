//! Errors in an application's jars, class and savepoint.

use std::io::Write as _;

use zip::{ZipWriter, write::SimpleFileOptions};

use flink::command::Application;

use super::*;

impl Installation {
    /// The same installation with an application, optionally with its class.
    fn application(mut self, class: Option<&str>) -> Self {
        let job_class = class.map(str::to_owned);
        self.job = Some(Job::Application(Application { job_class, ..Application::default() }));
        self
    }

    /// Adds a jar with a class compiled for this Java; the manifest may name it.
    fn jar(self, name: &str, class: &str, java: u8, manifest: Option<&str>) -> Self {
        let path = self.path(name);
        fs_err::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        let mut jar = ZipWriter::new(fs_err::File::create(path).unwrap());
        let options = SimpleFileOptions::default();
        if let Some(manifest) = manifest {
            jar.start_file("META-INF/MANIFEST.MF", options).unwrap();
            jar.write_all(manifest.as_bytes()).unwrap();
        }
        jar.start_file(format!("{}.class", class.replace('.', "/")), options).unwrap();
        jar.write_all(&[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, java + 44]).unwrap();
        jar.finish().unwrap();
        self
    }

    fn with_jars(mut self, names: &[&str]) -> Self {
        self.jars = names.iter().map(|name| self.path(name)).collect();
        self
    }
}

#[tokio::test]
async fn an_application_whose_jar_names_its_class_is_valid() {
    for (manifest, class) in [
        ("Manifest-Version: 1.0\r\nMain-Class: org.example\r\n .Job\r\n", "org.example.Job"),
        ("Main-Class: x.Y\nprogram-class: org.example.Job\n", "org.example.Job"),
    ] {
        let installation =
            Installation::new("127.0.0.1:1").jar("job.jar", class, 17, Some(manifest));
        let report = installation.with_jars(&["job.jar"]).application(None).check().await;
        assert_eq!(report.findings, [], "{manifest}");
        assert!(
            report.to_string().contains("ok: the application is org.example.Job of "),
            "{report}"
        );
    }
}

#[tokio::test]
async fn a_class_is_looked_for_in_usrlib_in_the_jars_and_in_lib() {
    for (jar, jars) in
        [("flink/usrlib/deep/a.jar", vec![]), ("b.jar", vec!["b.jar"]), ("flink/lib/c.jar", vec![])]
    {
        let installation =
            Installation::new("127.0.0.1:1").jar(jar, "a.B$C", 8, None).with_jars(&jars);
        assert_eq!(
            installation.application(Some("a.B$C")).errors().await,
            Vec::<String>::new(),
            "{jar}"
        );
    }
    let installation =
        Installation::new("127.0.0.1:1").jar("b.jar", "a.B", 8, None).with_jars(&["b.jar"]);
    let errors = installation.application(Some("a.C")).errors().await;
    assert_eq!(errors, ["--job-classname: no jar of usrlib, --jars or lib has the class a.C"]);
}

#[tokio::test]
async fn a_class_that_no_jar_or_several_jars_name_must_be_configured() {
    let installation =
        Installation::new("127.0.0.1:1").jar("a.jar", "a.A", 8, None).with_jars(&["a.jar"]);
    let errors = installation.application(None).errors().await;
    assert_eq!(
        errors,
        ["--job-classname is missing: no jar of usrlib or --jars names a class with main"]
    );
    let installation = Installation::new("127.0.0.1:1")
        .jar("a.jar", "a.A", 8, Some("Main-Class: a.A\n"))
        .jar("flink/usrlib/b.jar", "b.B", 8, Some("Main-Class: b.B\n"));
    let errors = installation.with_jars(&["a.jar"]).application(None).errors().await;
    assert!(
        errors.len() == 1
            && errors[0].contains("b.jar (b.B), ")
            && errors[0].ends_with("a.jar (a.A)"),
        "{errors:#?}"
    );
}

#[tokio::test]
async fn a_class_made_for_a_newer_java_is_refused_with_both_versions() {
    let installation =
        Installation::new("127.0.0.1:1").jar("a.jar", "a.A", 21, None).with_jars(&["a.jar"]);
    let errors = installation.application(Some("a.A")).errors().await;
    assert!(
        errors.len() == 1 && errors[0].contains("a.A was compiled for Java 21, but "),
        "{errors:#?}"
    );
    assert!(errors[0].ends_with("is Java 17"), "{errors:#?}");
}

#[tokio::test]
async fn invalid_or_missing_jars_and_missing_savepoints_are_reported() {
    let mut installation = Installation::new("127.0.0.1:1")
        .with_jars(&["none.jar", "missing.jar"])
        .application(Some("a.A"));
    fs_err::write(installation.path("none.jar"), "no zip").unwrap();
    let missing = installation.path("savepoint");
    let Some(Job::Application(job)) = &mut installation.job else { panic!("no application") };
    job.savepoint = Some(format!("file://{missing}"));
    let errors = installation.errors().await;
    let parts = [
        "mesos.application.jars: ",
        "none.jar: not a jar: ",
        "the class a.A",
        &format!("{missing} does not exist"),
    ];
    assert_eq!(errors.len(), parts.len(), "{errors:#?}");
    assert!(errors.iter().zip(parts).all(|(error, part)| error.contains(part)), "{errors:#?}");
}
