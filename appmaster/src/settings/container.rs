//! The container of a worker: `mesos.resourcemanager.tasks.container.*`.

use flink::{
    config::Configuration,
    options::{
        ConfigOption,
        mesos::{
            TASKS_CONTAINER_DOCKER_FORCE_PULL_IMAGE, TASKS_CONTAINER_DOCKER_PARAMETERS,
            TASKS_CONTAINER_IMAGE_NAME, TASKS_CONTAINER_TYPE, TASKS_CONTAINER_VOLUMES,
        },
    },
};
use mesos::v1::{self, container_info, volume};

use super::{SettingsError, invalid};

/// The container; `None` for the agent's own file system.
pub(super) fn container(
    config: &Configuration,
) -> Result<Option<v1::ContainerInfo>, SettingsError> {
    let image = config
        .get(&TASKS_CONTAINER_IMAGE_NAME)
        .map(str::trim)
        .filter(|image| !image.is_empty())
        .map(str::to_owned);
    let volumes = entries(config, &TASKS_CONTAINER_VOLUMES);
    let volumes = volumes.iter().map(|text| volume(text, config)).collect::<Result<Vec<_>, _>>()?;
    let force_pull = config.read(&TASKS_CONTAINER_DOCKER_FORCE_PULL_IMAGE)?;
    let parameters = entries(config, &TASKS_CONTAINER_DOCKER_PARAMETERS);
    let parameters =
        parameters.iter().map(|text| parameter(text, config)).collect::<Result<Vec<_>, _>>()?;
    let is_bare = image.is_none() && volumes.is_empty();
    let info = |kind: container_info::Type| v1::ContainerInfo {
        r#type: kind.into(),
        volumes,
        ..Default::default()
    };
    match config.text(&TASKS_CONTAINER_TYPE) {
        "mesos" if is_bare => Ok(None),
        "mesos" => {
            let mesos =
                image.map(|name| container_info::MesosInfo { image: Some(docker_image(name)) });
            Ok(Some(v1::ContainerInfo { mesos, ..info(container_info::Type::Mesos) }))
        }
        "docker" => {
            let hint = "containers of type docker require an image";
            let image = image
                .ok_or(SettingsError::Missing { key: TASKS_CONTAINER_IMAGE_NAME.key(), hint })?;
            let docker = container_info::DockerInfo {
                image,
                network: Some(container_info::docker_info::Network::Host.into()),
                parameters,
                force_pull_image: force_pull,
                ..Default::default()
            };
            Ok(Some(v1::ContainerInfo {
                docker: Some(docker),
                ..info(container_info::Type::Docker)
            }))
        }
        _ => Err(invalid(
            TASKS_CONTAINER_TYPE.key(),
            config,
            "allowed are mesos and docker".to_owned(),
        )),
    }
}

/// The non-empty parts of a comma-separated list. `\,` is a comma inside a part.
fn entries(config: &Configuration, option: &ConfigOption<Option<String>>) -> Vec<String> {
    let text = config.get(option).unwrap_or_default();
    let mut parts = vec![String::new()];
    for (at, piece) in text.split(',').enumerate() {
        // A backslash before the comma makes it part of the text.
        match parts.last_mut().filter(|last| at > 0 && last.ends_with('\\')) {
            Some(last) => {
                last.pop();
                *last += ",";
                *last += piece;
            }
            None => parts.push(piece.to_owned()),
        }
    }
    let parts = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

fn docker_image(name: String) -> v1::Image {
    v1::Image {
        r#type: v1::image::Type::Docker.into(),
        docker: Some(v1::image::Docker { name, ..Default::default() }),
        ..Default::default()
    }
}

/// `[host path:]container path[:RO|RW]`.
fn volume(text: &str, config: &Configuration) -> Result<v1::Volume, SettingsError> {
    let shown = Configuration::shown("", text);
    let option = TASKS_CONTAINER_VOLUMES.key();
    let wrong = || {
        invalid(
            option,
            config,
            format!("'{shown}' is not of the form [host path:]container path[:RO|RW]"),
        )
    };
    let (paths, mode) = match text.rsplit_once(':') {
        Some((paths, mode)) if mode.trim().eq_ignore_ascii_case("RO") => (paths, volume::Mode::Ro),
        Some((paths, mode)) if mode.trim().eq_ignore_ascii_case("RW") => (paths, volume::Mode::Rw),
        _ => (text, volume::Mode::Rw),
    };
    let (host, inside) = match paths.split_once(':') {
        Some((host, inside)) => (Some(host.trim().to_owned()), inside.trim()),
        None => (None, paths.trim()),
    };
    if inside.is_empty() || inside.contains(':') || host.as_ref().is_some_and(String::is_empty) {
        return Err(wrong());
    }
    let container_path = inside.to_owned();
    Ok(v1::Volume { mode: mode.into(), container_path, host_path: host, ..Default::default() })
}

/// `key=value`; the value may contain `=`.
fn parameter(text: &str, config: &Configuration) -> Result<v1::Parameter, SettingsError> {
    let option = TASKS_CONTAINER_DOCKER_PARAMETERS.key();
    let wrong = || {
        invalid(
            option,
            config,
            format!("'{}' is not of the form key=value", Configuration::shown("", text)),
        )
    };
    let (key, value) = text.split_once('=').ok_or_else(wrong)?;
    let key = key.trim();
    let (variable, rest) = value.split_once('=').unwrap_or((value, ""));
    let is_variable = matches!(key, "env" | "e");
    let holds_secret = if is_variable {
        Configuration::holds_secret(variable, rest)
    } else {
        Configuration::holds_secret(key, value)
    };
    if holds_secret {
        let instead = if is_variable {
            format!("{variable}: set containerized.taskmanager.env.{variable}")
        } else {
            format!("the secret in '{key}': move it to the Docker configuration of the agents")
        };
        return Err(SettingsError::File {
            key: option,
            reason: format!("Mesos's web page would show {instead}"),
        });
    }
    Ok(v1::Parameter { key: key.to_owned(), value: value.to_owned() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flink::config::Source;

    use super::*;

    fn read(entries: &[(&str, &str)]) -> Result<Option<v1::ContainerInfo>, SettingsError> {
        let mut config = Configuration::new();
        for (key, value) in entries {
            config.set(
                format!("mesos.resourcemanager.tasks.container.{key}"),
                *value,
                Source::DynamicProperty,
            );
        }
        container(&config)
    }

    #[test]
    fn without_image_and_volumes_there_is_no_container() {
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&[("type", "mesos"), ("volumes", " , ")]).unwrap(), None);
    }

    #[test]
    fn a_container_of_mesos_may_have_an_image_of_docker() {
        let container = read(&[("image.name", "flink:1.20")]).unwrap().unwrap();
        assert_eq!(container.r#type(), container_info::Type::Mesos);
        assert_eq!(container.mesos.unwrap().image.unwrap().docker.unwrap().name, "flink:1.20");
        assert_eq!(container.docker, None);
    }

    #[test]
    fn a_container_of_docker_has_the_hosts_network_and_parameters() {
        let entries = [
            ("type", "docker"),
            ("image.name", "flink:1.20"),
            ("docker.parameters", "log-opt=tag=x, init=true"),
            ("docker.force-pull-image", "true"),
        ];
        let docker = read(&entries).unwrap().unwrap().docker.unwrap();
        assert_eq!(docker.network(), container_info::docker_info::Network::Host);
        assert_eq!(docker.force_pull_image, Some(true));
        let parameters: Vec<_> =
            docker.parameters.iter().map(|p| (p.key.as_str(), p.value.as_str())).collect();
        assert_eq!(parameters, [("log-opt", "tag=x"), ("init", "true")]);
    }

    #[test]
    fn a_comma_inside_a_parameter_is_escaped_with_a_backslash() {
        let parameters = |text: &str| {
            let entries = [("type", "docker"), ("image.name", "x"), ("docker.parameters", text)];
            let docker = read(&entries).unwrap().unwrap().docker.unwrap();
            docker.parameters.into_iter().map(|p| (p.key, p.value)).collect::<Vec<_>>()
        };
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let mount = pair("mount", "type=bind,source=/a,target=/b");
        let text = r"mount=type=bind\,source=/a\,target=/b,init=true";
        assert_eq!(parameters(text), [mount, pair("init", "true")]);
        assert_eq!(parameters(r"a=b\c,d=e\"), [pair("a", r"b\c"), pair("d", r"e\")]);
    }

    #[test]
    fn volumes_have_one_to_three_parts() {
        let container =
            read(&[("volumes", "data, /disk1:/data, cache:ro,/a:/b:RW")]).unwrap().unwrap();
        let volumes = container
            .volumes
            .iter()
            .map(|v| (v.host_path.as_deref(), v.container_path.as_str(), v.mode()));
        let expected = [
            (None, "data", volume::Mode::Rw),
            (Some("/disk1"), "/data", volume::Mode::Rw),
            (None, "cache", volume::Mode::Ro),
            (Some("/a"), "/b", volume::Mode::Rw),
        ];
        assert_eq!(volumes.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_secret_among_the_parameters_is_refused_without_being_shown() {
        for (parameters, hint) in [
            ("env=DB_PASSWORD=hush", "set containerized.taskmanager.env.DB_PASSWORD"),
            ("init=true,env=X=http://u:hush@h", "set containerized.taskmanager.env.X"),
            (r#"env=X={"password":"hush"}"#, "set containerized.taskmanager.env.X"),
            (
                "init=true,health-cmd=curl -u user:hush http://h",
                "in 'health-cmd': move it to the Docker configuration",
            ),
            (
                "log-opt=splunk-token=hush",
                "in 'log-opt': move it to the Docker configuration of the agents",
            ),
            ("--password hush", "is not of the form key=value"),
        ] {
            let entries =
                [("type", "docker"), ("image.name", "x"), ("docker.parameters", parameters)];
            let error = read(&entries).unwrap_err().to_string();
            assert!(error.contains(hint) && !error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn values_of_the_wrong_form_are_refused_with_their_key() {
        for (entries, part) in [
            (vec![("type", "rkt")], "container.type: rkt: allowed are mesos and docker"),
            (vec![("type", "docker")], "container.image.name must be configured"),
            (vec![("volumes", "/a:/b:XX")], "'/a:/b:XX' is not of the form"),
            (vec![("volumes", "/a:/b:/c:RO")], "'/a:/b:/c:RO' is not of the form"),
            (vec![("volumes", ":/b")], "':/b' is not of the form"),
            (
                vec![("type", "docker"), ("image.name", "x"), ("docker.parameters", "init")],
                "'init' is not of the form",
            ),
        ] {
            let error = read(&entries).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
