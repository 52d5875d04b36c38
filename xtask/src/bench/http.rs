//! An nginx on loopback under a variant, loaded by wrk from outside.

use std::{
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use fargard_model::bounded;
use rustix::process::{Pid, Signal, kill_process};

use super::variant::Variant;
use crate::shell::{output, root};

/// How long one load lasts, as wrk takes it.
const LOAD: &str = "2s";

/// A running server; ended when dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    directory: PathBuf,
    port: u16,
}

impl Server {
    /// Starts nginx under a variant and waits until it answers.
    pub(super) fn start(directory: &Path, variant: &Variant) -> Result<Self> {
        let directory = directory.join("http");
        let pages = directory.join("www");
        std::fs::create_dir_all(&pages).with_context(|| format!("cannot create {}", pages.display()))?;
        std::fs::write(pages.join("index.html"), "x".repeat(1024)).context("cannot write the page")?;
        let port = free_port()?;
        let template = bounded::read_to_string(&root().join("benches/nginx.conf"), 1 << 16)
            .context("cannot read benches/nginx.conf")?;
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        let text = template
            .replace("@DIR@", &directory.to_string_lossy())
            .replace("@PORT@", &port.to_string())
            .replace("@USER@", user);
        let file = directory.join("nginx.conf");
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        let mut command: Command =
            variant.command(&[nginx(), "-c", &file.to_string_lossy(), "-p", &directory.to_string_lossy()]);
        let child =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("cannot start nginx")?;
        let mut server = Self { child, directory, port };
        server.wait_until(|port| TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        Ok(server)
    }

    /// Loads it; nanoseconds a request.
    pub(super) fn load(&self, new_connections: bool) -> Result<f64> {
        let url = format!("http://127.0.0.1:{}/index.html", self.port);
        let mut words = vec!["wrk", "-t", "1", "-c", "8", "-d", LOAD];
        if new_connections {
            words.extend(["-H", "Connection: close"]);
        }
        words.push(&url);
        let text = output(&words)?;
        if let Some(line) =
            text.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors"))
        {
            // With new connections wrk counts the server's close as a read error.
            if !(new_connections && line.contains("connect 0") && line.contains("write 0, timeout 0")) {
                bail!("wrk: {}", line.trim());
            }
        }
        let rate: f64 = text
            .lines()
            .find_map(|line| line.strip_prefix("Requests/sec:"))
            .and_then(|number| number.trim().parse().ok())
            .with_context(|| format!("wrk printed no rate:\n{text}"))?;
        if rate <= 0.0 {
            bail!("wrk had no answer:\n{text}");
        }
        Ok(1e9 / rate)
    }

    /// Waits for a state of the port, at most ten seconds.
    fn wait_until(&mut self, ready: impl Fn(u16) -> bool) -> Result<()> {
        let started = Instant::now();
        // Nothing is ever sent: receiving is a wait with a bound.
        let (_sender, never) = mpsc::channel::<()>();
        while started.elapsed() < Duration::from_secs(10) {
            if ready(self.port) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait().context("cannot wait for nginx")? {
                bail!("nginx ended at once: {status}");
            }
            let _ = never.recv_timeout(Duration::from_millis(5));
        }
        bail!("nginx does not answer on port {} after 10 s", self.port)
    }

    /// The server's own process id, whatever it runs under.
    fn process(&self) -> Option<Pid> {
        let text = bounded::read_to_string(&self.directory.join("nginx.pid"), 64).ok()?;
        Pid::from_raw(text.trim().parse().ok()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let asked = self.process().is_some_and(|process| kill_process(process, Signal::QUIT).is_ok());
        if !asked {
            // It is ours and did not write its id: end it the hard way.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot find a free port")?;
    Ok(listener.local_addr().context("cannot find a free port")?.port())
}

/// Debian keeps it out of an ordinary user's path.
fn nginx() -> &'static str {
    if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" }
}
