//! Names of files that belong to whoever made an image, not into it.

use fargard_model::Priority;

/// What a name says.
pub(super) struct Leftover {
    pub(super) class: &'static str,
    pub(super) severity: Priority,
    pub(super) reason: &'static str,
}

const CREDENTIALS: Leftover = Leftover {
    class: "credentials",
    severity: Priority::Warning,
    reason: "a file in which a tool keeps credentials",
};
const RECORD: Leftover = Leftover {
    class: "record",
    severity: Priority::Warning,
    reason: "what somebody typed, or a core of a program",
};
const SOURCE: Leftover = Leftover {
    class: "repository",
    severity: Priority::Warning,
    reason: "a repository with its whole past, also of what was deleted from it",
};
const BUILD: Leftover = Leftover {
    class: "build",
    severity: Priority::Notice,
    reason: "says how the image or its service is made",
};
const ENVIRONMENT: Leftover = Leftover {
    class: "environment",
    severity: Priority::Warning,
    reason: "a file of variables, which mostly are secrets",
};

/// Files by the end of their path.
const BY_END: &[(&str, &Leftover)] = &[
    ("/.aws/credentials", &CREDENTIALS),
    ("/.azure/accessTokens.json", &CREDENTIALS),
    ("/.config/gcloud/credentials.db", &CREDENTIALS),
    ("/.config/gcloud/application_default_credentials.json", &CREDENTIALS),
    ("/.docker/config.json", &CREDENTIALS),
    ("/.kube/config", &CREDENTIALS),
    ("/.config/gh/hosts.yml", &CREDENTIALS),
    ("/.git/HEAD", &SOURCE),
    ("/.hg/requires", &SOURCE),
    ("/.svn/wc.db", &SOURCE),
];

/// Files by name.
const BY_NAME: &[(&str, &Leftover)] = &[
    (".git-credentials", &CREDENTIALS),
    (".netrc", &CREDENTIALS),
    ("_netrc", &CREDENTIALS),
    (".pgpass", &CREDENTIALS),
    (".my.cnf", &CREDENTIALS),
    (".mylogin.cnf", &CREDENTIALS),
    (".vault-token", &CREDENTIALS),
    (".htpasswd", &CREDENTIALS),
    (".s3cfg", &CREDENTIALS),
    (".boto", &CREDENTIALS),
    ("terraform.tfstate", &CREDENTIALS),
    ("terraform.tfstate.backup", &CREDENTIALS),
    (".bash_history", &RECORD),
    (".ash_history", &RECORD),
    (".sh_history", &RECORD),
    (".zsh_history", &RECORD),
    (".python_history", &RECORD),
    (".node_repl_history", &RECORD),
    (".mysql_history", &RECORD),
    (".psql_history", &RECORD),
    (".rediscli_history", &RECORD),
    (".env", &ENVIRONMENT),
    (".env.local", &ENVIRONMENT),
    (".env.production", &ENVIRONMENT),
    ("Dockerfile", &BUILD),
    ("Containerfile", &BUILD),
    (".dockerignore", &BUILD),
    ("docker-compose.yml", &BUILD),
    ("docker-compose.yaml", &BUILD),
    ("compose.yaml", &BUILD),
    ("compose.yml", &BUILD),
    ("Jenkinsfile", &BUILD),
    (".gitlab-ci.yml", &BUILD),
    ("Vagrantfile", &BUILD),
];

/// Directories of dependencies: what stands below them others have published.
const DEPENDENCIES: &[&str] = &[
    "/node_modules/",
    "/site-packages/",
    "/dist-packages/",
    "/gems/",
    "/pkg/mod/",
    "/registry/src/",
    "/usr/share/",
    "/usr/lib/",
    "/usr/local/go/",
    "/vendor/",
];

/// What a file is by its path, when it does not belong into an image. An empty one is nothing.
pub(super) fn leftover(path: &str, size: u64) -> Option<&'static Leftover> {
    if size == 0 {
        return None;
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let found = BY_END
        .iter()
        .find(|(end, _)| path.ends_with(end))
        .or_else(|| BY_NAME.iter().find(|(known, _)| *known == name))
        .map(|(_, leftover)| *leftover)
        .or_else(|| is_core(name).then_some(&RECORD))?;
    let of_others = DEPENDENCIES.iter().any(|place| path.contains(place));
    (!of_others).then_some(found)
}

/// `core.1234`, as the kernel names them by default in containers.
fn is_core(name: &str) -> bool {
    name.strip_prefix("core.")
        .is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::leftover;

    #[test]
    fn names_that_say_too_much() {
        for (path, expected) in [
            ("/root/.aws/credentials", Some("credentials")),
            ("/home/app/.aws/config", None),
            ("/app/.git/HEAD", Some("repository")),
            ("/app/git/HEAD", None),
            ("/app/.env", Some("environment")),
            ("/app/.environment", None),
            ("/app/node_modules/x/.env", None),
            ("/usr/share/doc/x/Dockerfile", None),
            ("/app/Dockerfile", Some("build")),
            ("/root/.bash_history", Some("record")),
            ("/root/.bashrc", None),
            ("/core.123", Some("record")),
            ("/app/core.js", None),
        ] {
            assert_eq!(leftover(path, 1).map(|found| found.class), expected, "{path}");
        }
        assert!(leftover("/app/.env", 0).is_none());
    }
}
