//! A throw-away PostgreSQL cluster from the packages of the machine.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test's tool: it fails by panicking"
)]

use std::{
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

const VERSIONS: &str = "/usr/lib/postgresql";
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server that listens on a Unix socket in its own directory; it ends with this value.
#[derive(Debug)]
pub struct Cluster {
    directory: TempDir,
    server: Child,
}

impl Cluster {
    /// Starts one; `None`, with a message, when the machine has no PostgreSQL.
    ///
    /// # Panics
    /// PostgreSQL is there and does not start.
    pub async fn start() -> Option<Self> {
        let Some(programs) = newest_programs() else {
            eprintln!("skipped: no {VERSIONS}/*/bin/initdb here and FARGARD_TEST_POSTGRES is not set");
            return None;
        };
        let directory = tempfile::Builder::new().prefix("fargard-pg").tempdir().unwrap();
        if let Some((user, group)) = owner() {
            chown(directory.path(), Some(user), Some(group)).unwrap();
        }
        let data = directory.path().join("data");
        let made = as_owner(&programs.join("initdb"))
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
            .arg("--pgdata")
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", said(&made));
        let server = as_owner(&programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(directory.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "deadlock_timeout=100ms"])
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(directory.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut cluster = Self { directory, server };
        cluster.wait_until_it_answers(&programs).await;
        Some(cluster)
    }

    /// Directory of its socket.
    fn socket(&self) -> String {
        self.directory.path().display().to_string()
    }

    /// Connection string of its superuser.
    #[must_use]
    pub fn url(&self) -> String {
        format!("host={} user=postgres dbname=postgres", self.socket())
    }

    async fn wait_until_it_answers(&mut self, programs: &Path) {
        let started = Instant::now();
        loop {
            let ready = Command::new(programs.join("pg_isready"))
                .args(["-q", "-h", &self.socket()])
                .status()
                .unwrap();
            if ready.success() {
                return;
            }
            let log = std::fs::File::open(self.directory.path().join("log")).unwrap();
            let log = std::io::read_to_string(log).unwrap();
            assert!(self.server.try_wait().unwrap().is_none(), "postgres ended: {log}");
            assert!(started.elapsed() < PATIENCE, "postgres does not answer: {log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // An immediate shutdown: nothing of it is needed any more.
        let ended = Command::new("kill").args(["-QUIT", &self.server.id().to_string()]).status();
        assert!(ended.is_ok_and(|ended| ended.success()), "the server could not be stopped");
        self.server.wait().unwrap();
    }
}

/// The directory of the newest version's programs.
fn newest_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(VERSIONS).ok()?.filter_map(Result::ok);
    versions
        .map(|version| version.path().join("bin"))
        .filter(|programs| programs.join("initdb").is_file() && programs.join("postgres").is_file())
        .max()
}

/// User and group that PostgreSQL runs as, because it refuses root; `None` for whoever is not root.
fn owner() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.trim().parse::<u32>().unwrap_or_else(|_| panic!("id {arguments:?}: {text:?}"))
    };
    (id(&["-u"]) == 0).then(|| (id(&["-u", "postgres"]), id(&["-g", "postgres"])))
}

fn as_owner(program: &Path) -> Command {
    let Some((user, group)) = owner() else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups");
    command.arg(program).current_dir("/");
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
