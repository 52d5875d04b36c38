//! How an image was made.

use fargard_model::Priority;

use super::{
    Numbered, numbered,
    step::{Command, Step, commands, words},
    verification,
};
use crate::{CHECK_47, CHECK_49, CHECK_410, CHECK_411, CHECK_7102, CHECK_7103, secrets};

/// Steps that are looked at; more than any image has.
const MAX_STEPS: usize = 10_000;

/// Judges the steps, the first step first, as `created_by` of an OCI configuration says them. `env` is the configuration's
/// own environment (`NAME=value`), which check 424 judges.
#[must_use]
pub fn history(steps: &[&str], env: &[&str]) -> Vec<Numbered> {
    let mut found = Vec::new();
    for (index, text) in steps.iter().take(MAX_STEPS).enumerate() {
        let mut judge = Judge { subject: format!("history step {}", index + 1), found: &mut found };
        match Step::parse(text) {
            Step::Run { arguments, line } => judge.run(&arguments, line),
            Step::Add { sources, to } => judge.add(&sources, to),
            Step::Variables(text) => judge.variables(text, env),
            Step::Other => {}
        }
    }
    found
}

struct Judge<'f> {
    subject: String,
    found: &'f mut Vec<Numbered>,
}

impl Judge<'_> {
    fn push(&mut self, check: u32, class: &'static str, severity: Priority, reason: impl Into<String>) {
        self.found.push(numbered(check, self.subject.clone(), class, severity, reason));
    }

    fn add(&mut self, sources: &[&str], to: &str) {
        let number = CHECK_49.number;
        for source in sources {
            let remote = source.contains("://") || source.starts_with("git@");
            let named = !source.contains(':');
            let archive = [".tar", ".tgz", ".gz", ".xz", ".bz2", ".zst", ".txz"]
                .iter()
                .any(|ending| source.contains(ending));
            if remote {
                let reason = "ADD fetches a file from elsewhere that nobody has verified";
                self.push(number, "remote", Priority::Warning, reason);
            } else if to == "/" {
                // How every base image begins.
            } else if named && !archive {
                let reason = "ADD brings files that COPY would bring without unpacking or fetching";
                self.push(number, "local", Priority::Warning, reason);
            } else {
                let reason = "ADD unpacks an archive, or the builder does not say what it brought";
                self.push(number, "archive", Priority::Informational, reason);
            }
        }
    }

    fn variables(&mut self, text: &str, env: &[&str]) {
        for (name, value) in pairs(text) {
            let of_config = env.iter().any(|variable| variable.split_once('=') == Some((name, value)));
            if !of_config {
                self.variable(name, value);
            }
        }
    }

    fn variable(&mut self, name: &str, value: &str) {
        if let Some(secret) = secrets::variable(name, value) {
            let reason = format!("{name}: {}", secret.reason);
            self.push(CHECK_410.number, secret.class, secret.severity, reason);
        }
    }

    fn run(&mut self, arguments: &[(&str, &str)], line: &str) {
        for (name, value) in arguments {
            self.variable(name, value);
        }
        let commands = commands(line);
        self.secrets(&commands);
        self.packages(&commands);
        let mut before: Option<&Command<'_>> = None;
        for command in &commands {
            if command.name() == "sudo" {
                let reason = "a step runs sudo, which has other signals and terminals than what it starts";
                self.push(CHECK_7102.number, "used", Priority::Warning, reason);
            }
            for reason in verification::switched_off(command) {
                self.push(CHECK_411.number, "not-verified", Priority::Warning, reason);
            }
            if let Some(source) = before.filter(|_| command.piped)
                && verification::runs_what_it_fetches(source, command)
            {
                let reason = format!("{} runs what {} fetches", command.name(), source.name());
                self.push(CHECK_411.number, "piped", Priority::Notice, reason);
            }
            before = Some(command);
        }
    }

    fn secrets(&mut self, commands: &[Command<'_>]) {
        let mut reasons = Vec::new();
        for command in commands {
            for secret in secrets::command(&command.words) {
                if !reasons.contains(&secret.reason) {
                    reasons.push(secret.reason.clone());
                    self.push(CHECK_410.number, secret.class, secret.severity, secret.reason);
                }
            }
            if let Some(password) = verification::password_option(command)
                && let Some(secret) = secrets::variable("PASSWORD", password)
            {
                let reason = format!("an option of {}: {}", command.name(), secret.reason);
                self.push(CHECK_410.number, "option", Priority::Error, reason);
            }
        }
        for pair in commands.windows(2) {
            let [source, sink] = pair else { continue };
            let sets = sink.piped && sink.name() == "chpasswd" && source.name() == "echo";
            let password = source.words.last().and_then(|word| word.split_once(':')).map(|(_, text)| text);
            if let Some(password) = password.filter(|text| sets && !text.is_empty() && !text.starts_with('$'))
            {
                let reason = format!("a user's password is set: {}", secrets::mask(password));
                self.push(CHECK_410.number, "chpasswd", Priority::Error, reason);
            }
        }
    }

    fn packages(&mut self, commands: &[Command<'_>]) {
        let (mut updates, mut installs) = (false, false);
        for command in commands {
            match command.name() {
                "apt-get" | "apt" | "aptitude" => {
                    updates |= command.has(&["update"]);
                    installs |= command.has(&["install", "build-dep", "source", "download"]);
                    self.upgrade(command, &["dist-upgrade", "full-upgrade"], &["upgrade", "safe-upgrade"]);
                    installs |= command.has(&["upgrade", "dist-upgrade", "full-upgrade"]);
                }
                "apk" => {
                    updates |= command.has(&["update"]);
                    installs |= command.has(&["add", "upgrade", "fetch"]);
                    self.upgrade(command, &[], &["upgrade"]);
                }
                "yum" | "dnf" | "microdnf" | "tdnf" => {
                    updates |= command.has(&["makecache"]);
                    installs |= command.has(&["install", "update", "upgrade"]);
                    self.upgrade(command, &["distro-sync"], &["update", "upgrade"]);
                }
                "zypper" => {
                    updates |= command.has(&["refresh", "ref"]);
                    installs |= command.has(&["install", "in", "update", "up", "patch"]);
                    self.upgrade(command, &["dup", "dist-upgrade"], &["update", "up"]);
                }
                _ => {}
            }
        }
        if updates && !installs {
            let reason =
                "a step updates the lists of packages alone: later steps install from what was cached then";
            self.push(CHECK_47.number, "alone", Priority::Warning, reason);
        }
    }

    fn upgrade(&mut self, command: &Command<'_>, all: &[&str], some: &[&str]) {
        let name = command.name().to_owned();
        if command.has(all) {
            let reason =
                format!("{name} replaces the release's packages, removing some: use a newer base image");
            self.push(CHECK_7103.number, "release", Priority::Warning, reason);
        } else if command.has(some) {
            let reason =
                format!("{name} upgrades packages of the base: the same Dockerfile makes different images");
            self.push(CHECK_7103.number, "upgrade", Priority::Notice, reason);
        }
    }
}

/// `A=b C="d e"`, and the old form `A b c`.
fn pairs(text: &str) -> Vec<(&str, &str)> {
    let words = words(text);
    let first = words.first().copied().unwrap_or_default();
    if !first.contains('=') {
        return text
            .split_once(char::is_whitespace)
            .map(|(name, value)| (name, value.trim()))
            .into_iter()
            .collect();
    }
    words.into_iter().filter_map(|word| word.split_once('=')).collect()
}

#[cfg(test)]
mod tests {
    use super::history;

    /// Numbers and classes of what fails.
    fn failing(step: &str) -> Vec<(u32, &'static str)> {
        let found = history(&[step], &[]).into_iter().filter(|(_, found)| found.fails());
        found.map(|(check, found)| (check, found.class)).collect()
    }

    #[test]
    fn steps_that_fail_and_steps_that_nearly_do() {
        for (step, expected) in [
            ("/bin/sh -c apt-get update", &[(47, "alone")][..]),
            ("RUN /bin/sh -c apk update # buildkit", &[(47, "alone")]),
            ("/bin/sh -c apt-get -qq update && apt-get -o A=b install -y nginx", &[]),
            ("/bin/sh -c echo apt-get update", &[]),
            ("/bin/sh -c yum update -y", &[]),
            ("RUN /bin/sh -c apt-get update && apt-get dist-upgrade -y # buildkit", &[(7103, "release")]),
            ("RUN /bin/sh -c apt-get update && apt-get upgrade -y # buildkit", &[]),
            ("ADD app.py /app/ # buildkit", &[(49, "local")]),
            ("ADD https://example.net/x /app/ # buildkit", &[(49, "remote")]),
            ("ADD rootfs.tar.xz / # buildkit", &[]),
            ("ADD data.tar.gz /data # buildkit", &[]),
            ("/bin/sh -c #(nop) ADD file:0123456789 in / ", &[]),
            ("COPY app.py /app/ # buildkit", &[]),
            ("/bin/sh -c sudo make install", &[(7102, "used")]),
            ("/bin/sh -c apt-get install -y sudo", &[]),
            ("/bin/sh -c curl -k https://example.net/x", &[(411, "not-verified")]),
            ("/bin/sh -c curl -fsSLk https://example.net/x", &[(411, "not-verified")]),
            ("/bin/sh -c curl -o k https://example.net/x", &[]),
            ("/bin/sh -c wget --no-check-certificate https://example.net/x", &[(411, "not-verified")]),
            ("/bin/sh -c apt-get install -y --allow-unauthenticated x", &[(411, "not-verified")]),
            ("/bin/sh -c apk add --allow-untrusted ./x.apk", &[(411, "not-verified")]),
            ("/bin/sh -c curl https://example.net/x | sh", &[]),
            ("/bin/sh -c echo app:Zk8vTq2L | chpasswd", &[(410, "chpasswd")]),
            ("/bin/sh -c echo app:$PASSWORD | chpasswd", &[]),
            ("/bin/sh -c curl -u app:Zk8vTq2L https://example.net", &[(410, "option")]),
            ("/bin/sh -c curl -u app:$PASSWORD https://example.net", &[]),
            ("/bin/sh -c docker login -u app -p Zk8vTq2Lx1", &[(410, "option")]),
            ("/bin/sh -c mkdir -p Zk8vTq2Lx1", &[]),
            ("RUN |1 DB_PASSWORD=Zk8vTq2Lx1 /bin/sh -c make # buildkit", &[(410, "named")]),
            ("RUN |1 VERSION=1.2.3 /bin/sh -c make # buildkit", &[]),
            ("ARG API_TOKEN=Zk8vTq2Lx1a9", &[(410, "named")]),
            ("ARG API_TOKEN", &[]),
            ("ENV API_TOKEN Zk8vTq2Lx1a9", &[(410, "named")]),
            ("CMD [\"sudo\"]", &[]),
        ] {
            assert_eq!(failing(step), expected, "{step}");
        }
    }

    #[test]
    fn variables_of_the_configuration_are_check_424s() {
        let step = "ENV DB_PASSWORD=Zk8vTq2Lx1";
        assert_eq!(history(&[step], &["DB_PASSWORD=Zk8vTq2Lx1"]).len(), 0);
        let found = history(&[step], &["DB_PASSWORD="]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].1.subject, "history step 1");
        assert!(!found[0].1.reason.contains("Tq2Lx1"), "{}", found[0].1.reason);
    }
}
