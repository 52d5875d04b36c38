//! The servers as one task of the lab, and what its sensor says.

use std::{
    io::{BufRead as _, BufReader},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use fargard_model::bounded;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::shell::{output, root};

/// Fires for each server's start: shows that rules are evaluated in every container.
const CONTROL: &str = "- rule: Soak control\n  desc: d\n  priority: DEBUG\n  output: x\n  \
                       condition: evt.type=execve and proc.name in (nginx, redis-server, node)\n";
/// How long one burst of load lasts, as wrk takes it.
const BURST: &str = "2s";
const START: Duration = Duration::from_secs(60);

/// A running task; killed when dropped.
pub(super) struct Task {
    name: &'static str,
    child: Child,
    lines: Receiver<String>,
    ports: Ports,
    directory: PathBuf,
    requests: u64,
}

#[derive(Clone, Copy)]
struct Ports {
    nginx: u16,
    redis: u16,
    node: u16,
}

impl Ports {
    /// Ports nothing listens on now.
    fn free() -> Result<Self> {
        let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0"));
        let mut ports = [0; 3];
        for (port, listener) in ports.iter_mut().zip(&listeners) {
            let Ok(listener) = listener else { bail!("no free port") };
            *port = listener.local_addr().context("a listener has an address")?.port();
        }
        let [nginx, redis, node] = ports;
        Ok(Self { nginx, redis, node })
    }

    fn all(self) -> [u16; 3] {
        [self.nginx, self.redis, self.node]
    }
}

impl Task {
    /// Starts the servers under the sensor with these rules and waits until they answer.
    pub(super) fn start(fargard: &Path, name: &'static str, rules: &[PathBuf]) -> Result<Self> {
        let ports = Ports::free()?;
        let directory =
            std::env::temp_dir().join(format!("fargard-soak-{}-{}", std::process::id(), ports.nginx));
        std::fs::create_dir_all(&directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        let control = directory.join("control.yaml");
        std::fs::write(&control, CONTROL).context("cannot write the control rule")?;
        let definition = directory.join("task.json");
        std::fs::write(&definition, definition_of(ports)?.to_string()).context("cannot write the task")?;
        let mut command = Command::new(fargard);
        command.args(["task", "run", "--json"]);
        for file in rules.iter().chain([&control]) {
            command.arg("--rules").arg(file);
        }
        let mut child = command
            .arg(&definition)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run fargard")?;
        let (sender, lines) = channel();
        if let Some(stream) = child.stderr.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                    if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                        break;
                    }
                }
            });
        }
        let mut task = Self { name, child, lines, ports, directory, requests: 0 };
        task.wait_until_it_answers()?;
        Ok(task)
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        let until = Instant::now() + START;
        while !self.ports.all().iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok()) {
            if let Some(status) = self.child.try_wait().context("the task's state is not known")? {
                bail!("the task of {} ended: {status}\n{}", self.name, self.printed().join("\n"));
            }
            if Instant::now() >= until {
                bail!("the servers of {} do not answer:\n{}", self.name, self.printed().join("\n"));
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        Ok(())
    }

    /// A burst of requests to each server.
    pub(super) fn load(&mut self) -> Result<()> {
        let Ports { nginx, redis, .. } = self.ports;
        for path in ["common-licenses/BSD", "app"] {
            let url = format!("http://127.0.0.1:{nginx}/{path}");
            let text = output(&["wrk", "-t", "1", "-c", "4", "-d", BURST, &url])?;
            let requests = text.lines().find_map(|line| line.trim().split_once(" requests in"));
            let count = requests.and_then(|(count, _)| count.parse::<u64>().ok());
            self.requests += count.with_context(|| format!("wrk counted no requests:\n{text}"))?;
            if text.contains("Non-2xx") {
                bail!("{url} answers with errors:\n{text}");
            }
        }
        let port = redis.to_string();
        output(&[
            "redis-benchmark",
            "-q",
            "-p",
            &port,
            "-n",
            "5000",
            "-c",
            "10",
            "-t",
            "set,get,incr,lpush",
        ])?;
        output(&["redis-cli", "-p", &port, "bgsave", "schedule"])?;
        Ok(())
    }

    /// Stops the task and lists what fired; `false` when anything did.
    pub(super) fn finish(mut self, bursts: u64) -> Result<bool> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).context("the task cannot be stopped")?;
        self.child.wait().context("the task's end is not known")?;
        let lines = self.printed();
        let mut alerts: Vec<Value> = lines.iter().filter_map(|line| alert_in(line)).collect();
        alerts.retain(|alert| !is_check(alert));
        let (control, fired): (Vec<&Value>, Vec<&Value>) =
            alerts.iter().partition(|alert| alert["rule"] == "Soak control");
        println!("{}: {bursts} bursts, {} requests, {} detections", self.name, self.requests, fired.len());
        for alert in &fired {
            println!("  {} | {}", alert["rule"], alert["output"]);
        }
        for line in lines.iter().filter(|line| line.contains("lost:")) {
            println!("  {line}");
        }
        if control.len() < 3 {
            bail!("the control rule did not fire for each server:\n{}", lines.join("\n"));
        }
        Ok(fired.is_empty())
    }

    fn printed(&self) -> Vec<String> {
        // The reading thread ends with the task, so what was printed is complete then.
        let wait = Duration::from_secs(1);
        std::iter::from_fn(|| self.lines.recv_timeout(wait).ok()).collect()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // After an orderly end there is nothing left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// The result of a compliance check: these containers' images are this machine's own disk, whatever lies on it.
fn is_check(alert: &Value) -> bool {
    alert["output"].as_str().is_some_and(|output| output.contains(" Check 426 "))
}

/// An alert in a line that begins with the name of its container.
fn alert_in(line: &str) -> Option<Value> {
    let (_, text) = line.split_once(" | ")?;
    serde_json::from_str(text).ok()
}

fn definition_of(ports: Ports) -> Result<Value> {
    let read = |name: &str| {
        let path = Path::new("benches/soak").join(name);
        bounded::read_to_string(&root().join(&path), 1 << 16)
            .with_context(|| format!("cannot read {}", path.display()))
    };
    let (node, redis) = (ports.node.to_string(), ports.redis.to_string());
    // The root file system is this machine's: what is in it from the start is not the servers' doing.
    let checks = json!({"name": "FARGARD_CHECKS", "value": "changes"});
    let configuration =
        read("nginx.conf")?.replace("@NGINX@", &ports.nginx.to_string()).replace("@NODE@", &node);
    let start = "echo \"$CONFIGURATION\" > /tmp/nginx.conf; exec nginx -c /tmp/nginx.conf -g 'daemon off;'";
    let nginx = json!({
        "name": "nginx", "image": "nginx", "entryPoint": ["sh", "-c"], "command": [start],
        "environment": [{"name": "CONFIGURATION", "value": configuration}, checks],
        "healthCheck": {"command": ["CMD-SHELL", "test -s /tmp/nginx.pid || exit 1"]},
    });
    let redis_server = json!({
        "name": "redis", "image": "redis", "environment": [checks],
        "command": ["redis-server", "--bind", "127.0.0.1", "--port", redis, "--dir", "/tmp", "--save", "5", "1"],
    });
    let app = json!({
        "name": "app", "image": "app", "environment": [checks], "command": ["node", "-e", read("app.js")?, node, redis],
    });
    Ok(json!({
        "family": "soak", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "cpu": "1024", "memory": "2048", "containerDefinitions": [nginx, redis_server, app],
    }))
}
