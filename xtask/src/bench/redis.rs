//! A redis on loopback under a variant, loaded by redis-benchmark from outside.

use std::{
    net::TcpStream,
    path::Path,
    process::{Child, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{http::free_port, variant::Variant};
use crate::shell::output;

/// Requests of one load.
const REQUESTS: &str = "100000";

/// A running server; ended when dropped.
#[derive(Debug)]
pub(super) struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    /// Starts redis under a variant and waits until it answers.
    pub(super) fn start(directory: &Path, variant: &Variant) -> Result<Self> {
        let port = free_port()?;
        let mut command = variant.command(&[
            "redis-server",
            "--bind",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--dir",
            &directory.to_string_lossy(),
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start redis-server")?;
        let mut redis = Self { child, port };
        redis.wait_until_it_answers()?;
        Ok(redis)
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        let started = Instant::now();
        // Nothing is ever sent: receiving is a wait with a bound.
        let (_sender, never) = mpsc::channel::<()>();
        while started.elapsed() < Duration::from_secs(10) {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait().context("cannot wait for redis-server")? {
                bail!("redis-server ended at once: {status}");
            }
            let _ = never.recv_timeout(Duration::from_millis(5));
        }
        bail!("redis-server does not answer on port {} after 10 s", self.port)
    }

    fn client(&self, words: &[&str]) -> Result<String> {
        let port = self.port.to_string();
        let mut all = vec![words.first().copied().unwrap_or_default(), "-h", "127.0.0.1", "-p", &port];
        all.extend(words.iter().skip(1));
        output(&all)
    }

    /// Loads it; nanoseconds a request.
    pub(super) fn load(&self) -> Result<f64> {
        let text = self
            .client(&["redis-benchmark", "-t", "get", "-n", REQUESTS, "-c", "8", "--csv"])
            .context("cannot load redis")?;
        // "test","rps",... and a line of values.
        let rate = text.lines().find_map(|line| line.strip_prefix("\"GET\",\"")?.split('"').next());
        match rate.and_then(|number| number.parse::<f64>().ok()).filter(|rate| *rate > 0.0) {
            Some(rate) => Ok(1e9 / rate),
            None => bail!("redis-benchmark printed no rate:\n{text}"),
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It closes the connection instead of answering, which the client calls an error.
        let asked = self.client(&["redis-cli", "shutdown", "nosave"]);
        if asked.is_err() && TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
