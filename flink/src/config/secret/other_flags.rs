//! Commands in which a flag such as `-u` has another meaning than a user with a password:
//! `git push -u origin:main`, `docker run --user user:group`.

/// Programs whose `-u` takes no user, at the beginning of a command.
const WITHOUT_USER: &[&str] = &["cp", "diff", "git", "mv", "rsync", "sort", "uniq"];

/// Programs that take a user and a group, behind these subcommands.
const CONTAINERS: &[&str] = &["docker", "nerdctl", "podman"];
const IN_CONTAINERS: &[&str] = &["create", "exec", "run"];

/// Their flags without a value. The first word that is neither a flag nor its value is the image:
/// behind it, another program begins.
const SWITCHES: &[&str] = &[
    "--detach",
    "--disable-content-trust",
    "--init",
    "--interactive",
    "--no-healthcheck",
    "--oom-kill-disable",
    "--privileged",
    "--publish-all",
    "--quiet",
    "--read-only",
    "--replace",
    "--rm",
    "--sig-proxy",
    "--tls-verify",
    "--tty",
    "--use-api-socket",
];

/// What a command may have before such a flag, in bytes.
const LONGEST: usize = 512;

/// Has `flag` with this value another meaning behind `before`?
pub(super) fn has_no_password(before: &str, flag: &str, value: &str) -> bool {
    let near = &before[before.ceil_char_boundary(before.len().saturating_sub(LONGEST))..];
    let Some(start) = near.rfind(ends_command).map(|at| at + 1).or_else(|| {
        let is_all = near.len() == before.len();
        is_all.then_some(0)
    }) else {
        return false;
    };
    let mut arguments = near[start..].split_whitespace();
    // health-cmd=/usr/bin/git
    let program =
        arguments.next().and_then(|word| word.rsplit(['=', '/']).next()).unwrap_or_default();
    if WITHOUT_USER.contains(&program) {
        return !flag.starts_with("--");
    }
    CONTAINERS.contains(&program)
        && arguments.next().is_some_and(|word| IN_CONTAINERS.contains(&word))
        && are_flags(arguments)
        && is_user_and_group(value)
}

/// All of these are ASCII.
fn ends_command(c: char) -> bool {
    matches!(c, '\n' | '|' | '&' | ';' | ',' | '(' | ')' | '{' | '}' | '[' | ']' | '`' | '"' | '\'')
}

fn are_flags<'a>(arguments: impl Iterator<Item = &'a str>) -> bool {
    let mut is_value = false;
    for word in arguments {
        if !word.starts_with('-') && !is_value {
            return false;
        }
        is_value = word.starts_with('-') && !word.contains('=') && !is_switch(word);
    }
    true
}

fn is_switch(flag: &str) -> bool {
    let is_short = |flags: &str| flags.bytes().all(|c| b"ditPq".contains(&c));
    SWITCHES.contains(&flag)
        || flag.strip_prefix('-').is_some_and(|flags| !flags.starts_with('-') && is_short(flags))
}

/// Are both names that Linux gives, or ids?
fn is_user_and_group(value: &str) -> bool {
    let is_name = |text: &str| {
        let is_part = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"_-".contains(&c);
        (1..=32).contains(&text.len()) && text.bytes().all(is_part)
    };
    value.split_once(':').is_some_and(|(user, group)| is_name(user) && is_name(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_of_containers_and_the_switches_of_other_programs_have_no_password() {
        for (before, flag, value) in [
            ("docker run ", "--user", "flink:flink"),
            ("x; /usr/bin/podman run --rm -it --name a -e b=c ", "-u", "1000:flink"),
            ("docker exec ", "-u", "nobody:nogroup"),
            ("sort ", "-u", "a:b"),
            ("a | sort -t : ", "-u", "a:b"),
            ("git push ", "-u", "origin:main"),
            ("health-cmd=git push --force ", "-u", "origin:main"),
        ] {
            assert!(has_no_password(before, flag, value), "{before}{flag} {value}");
        }
        for (before, flag, value) in [
            ("", "-u", "a:b"),
            ("curl ", "--user", "a:b"),
            ("git push; curl ", "-u", "a:b"),
            ("docker run curl ", "-u", "a:b"),
            ("docker run --rm curl ", "-u", "a:b"),
            ("docker run -it --name a curl ", "-u", "a:b"),
            ("docker run ", "--user", "Admin:Hush"),
            ("docker run ", "--user", "a:b:c"),
            ("docker login ", "-u", "a:b"),
            ("docker ", "-u", "a:b"),
            ("sort ", "--user", "a:b"),
            ("my-sort ", "-u", "a:b"),
            ("sort \"curl ", "-u", "a:b"),
            ("sort $(curl ", "-u", "a:b"),
        ] {
            assert!(!has_no_password(before, flag, value), "{before}{flag} {value}");
        }
        let long = format!("curl {} sort ", "x".repeat(LONGEST));
        assert!(!has_no_password(&long, "-u", "a:b"), "the beginning of the command is not seen");
        let cut = format!("curl {} sort ", "x".repeat(LONGEST - " sort ".len()));
        assert!(!has_no_password(&cut, "-u", "a:b"));
    }
}
