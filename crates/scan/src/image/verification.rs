//! Options that switch off what guards a download, and options that carry passwords.

use super::step::Command;

/// Options by program that switch verification off.
const OFF: &[(&[&str], &[&str])] = &[
    (
        &["apt-get", "apt", "aptitude"],
        &["--allow-unauthenticated", "--force-yes", "--allow-insecure-repositories", "--no-gpg-check"],
    ),
    (&["yum", "dnf", "microdnf", "tdnf"], &["--nogpgcheck", "--nogpg"]),
    (&["zypper"], &["--no-gpg-checks", "--no-gpg-check", "--allow-unsigned-rpm"]),
    (&["rpm"], &["--nosignature", "--nodigest", "--nogpg"]),
    (&["apk"], &["--allow-untrusted"]),
    (&["curl"], &["--insecure", "-k"]),
    (&["wget"], &["--no-check-certificate"]),
    (&["pip", "pip3", "uv"], &["--trusted-host", "--allow-insecure-host"]),
    (&["gem"], &["--no-verify"]),
    (&["conda"], &["--insecure"]),
];

/// Settings that do, wherever they stand.
const OFF_ANYWHERE: &[&str] = &[
    "NODE_TLS_REJECT_UNAUTHORIZED=0",
    "http.sslVerify=false",
    "GIT_SSL_NO_VERIFY=1",
    "GIT_SSL_NO_VERIFY=true",
    "PYTHONHTTPSVERIFY=0",
    "GONOSUMDB=*",
    "GONOSUMCHECK=1",
    "GOFLAGS=-insecure",
    "gpgcheck=0",
    "sslverify=0",
    "sslverify=false",
];

/// What of a command switches verification off, as sentences.
pub(super) fn switched_off(command: &Command<'_>) -> Vec<String> {
    let name = command.name();
    let mut found = Vec::new();
    for (programs, options) in OFF {
        if programs.contains(&name) {
            found.extend(
                command
                    .words
                    .iter()
                    .filter(|word| options.iter().any(|option| word.split('=').next() == Some(option)))
                    .map(|word| {
                        format!(
                            "{name} {} fetches without verification",
                            word.split('=').next().unwrap_or(word)
                        )
                    }),
            );
        }
    }
    // Options of one letter may stand together: -fsSLk.
    let joined = |word: &&&str| {
        word.len() > 2
            && word.starts_with('-')
            && !word.starts_with("--")
            && word.ends_with('k')
            && word.bytes().skip(1).all(|byte| b"fsSLkiIvgG4j".contains(&byte))
    };
    if name == "curl" && command.words.iter().any(|word| joined(&word)) {
        found.push("curl -k fetches without verification".to_owned());
    }
    let strict = name == "npm" || name == "yarn";
    if strict && command.words.windows(2).any(|pair| matches!(pair, ["strict-ssl", "false"])) {
        found.push(format!("{name} is told strict-ssl false"));
    }
    for word in &command.words {
        if let Some(setting) = OFF_ANYWHERE.iter().find(|setting| word.contains(**setting)) {
            found.push(format!("{setting} switches verification off"));
        }
        if word.contains("trusted=yes") {
            found.push("a repository is trusted without a signature (trusted=yes)".to_owned());
        }
    }
    found
}

/// Whether one command fetches and the other runs it.
pub(super) fn runs_what_it_fetches(source: &Command<'_>, sink: &Command<'_>) -> bool {
    let runs = ["sh", "bash", "ash", "dash", "zsh", "python", "python3", "node", "perl", "ruby"];
    ["curl", "wget"].contains(&source.name()) && runs.contains(&sink.name())
}

/// The password that an option of a command carries.
pub(super) fn password_option<'t>(command: &Command<'t>) -> Option<&'t str> {
    let after = |options: &[&str]| {
        let pair =
            command.words.windows(2).find(|pair| pair.first().is_some_and(|word| options.contains(word)));
        pair.and_then(|pair| pair.get(1)).copied()
    };
    match command.name() {
        "curl" => after(&["-u", "--user", "--proxy-user"])?.split_once(':').map(|(_, password)| password),
        "docker" | "podman" | "buildah" | "skopeo" | "helm" | "oc" | "az" if command.has(&["login"]) => {
            after(&["-p", "--password"])
        }
        "sshpass" => after(&["-p"]).or_else(|| glued(command, "-p")),
        "mysql" | "mysqladmin" | "mysqldump" | "mariadb" => glued(command, "-p"),
        _ => None,
    }
}

/// `-pSECRET`.
fn glued<'t>(command: &Command<'t>, option: &str) -> Option<&'t str> {
    command.words.iter().find_map(|word| word.strip_prefix(option)).filter(|rest| !rest.is_empty())
}
