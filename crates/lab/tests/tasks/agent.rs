//! The stand-in for the SSM agent: in images, and as somebody who opens sessions uses it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixStream},
    },
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{Duration, Instant},
};

use crate::bench::{Bench, busybox_builder};

const PATIENCE: Duration = Duration::from_secs(60);
/// Where the agent's programs are in a container.
pub(crate) const DIRECTORY: &str = "ecs-execute-command-0a1b2c3d";

/// The program, linked statically so that it runs in every image.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        // Tests are processes of their own, which may do this at the same time.
        let path = directory.join(format!("ssm_agent-{}", std::process::id()));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/ssm_agent.rs");
        let mut compiler = std::process::Command::new("rustc");
        compiler.args(["--edition", "2024", "-C", "target-feature=+crt-static", "-C", "strip=symbols", "-o"]);
        let status = compiler.arg(&path).arg(&source).status().unwrap();
        assert!(status.success(), "rustc cannot compile {}", source.display());
        let shared = directory.join("ssm_agent");
        std::fs::rename(&path, &shared).unwrap();
        shared
    })
}

/// An image of busybox with the agent; `None` where there is no busybox.
pub(crate) fn image(directory: &Path) -> Option<PathBuf> {
    let busybox = Path::new("/bin/busybox");
    if !busybox.exists() {
        eprintln!("skipped: no /bin/busybox (package busybox-static)");
        return None;
    }
    write(directory, busybox_builder(busybox))
}

/// An image with nothing but the agent.
pub(crate) fn scratch_image(directory: &Path) -> Option<PathBuf> {
    write(directory, tar::Builder::new(Vec::new()))
}

fn write(directory: &Path, mut builder: tar::Builder<Vec<u8>>) -> Option<PathBuf> {
    for name in ["amazon-ssm-agent", "ssm-agent-worker", "ssm-session-worker"] {
        builder.append_path_with_name(program(), format!("{DIRECTORY}/{name}")).unwrap();
    }
    let path = directory.join("agent.tar");
    std::fs::write(&path, builder.into_inner().unwrap()).unwrap();
    Some(path)
}

/// Starts the agent in a container from outside, as ECS does, for as long as `work` takes; `work` gets the name by
/// which it is reached.
pub(crate) fn with_agent<T>(bench: &Bench, container: &str, work: impl FnOnce(&str) -> T) -> T {
    let name = format!("{}-{container}", bench.task.arn());
    let command = [format!("/{DIRECTORY}/amazon-ssm-agent"), name.clone()];
    std::thread::scope(|scope| {
        // It ends with the container.
        scope.spawn(|| bench.task.exec(container, &command, Duration::from_secs(3600)));
        let _kill = KillAtEnd(bench);
        work(&name)
    })
}

/// Ends the task, after a failed assertion too.
struct KillAtEnd<'a>(&'a Bench);

impl Drop for KillAtEnd<'_> {
    fn drop(&mut self) {
        self.0.task.kill();
    }
}

/// Opens a session and runs a command in it: what it wrote, and at the end `exit Some(CODE)`.
pub(crate) fn session(agent: &str, id: &str, words: &[&str]) -> String {
    let address = SocketAddr::from_abstract_name(agent).unwrap();
    let until = Instant::now() + PATIENCE;
    let mut connection = loop {
        match UnixStream::connect_addr(&address) {
            Ok(connection) => break connection,
            Err(error) => assert!(Instant::now() < until, "the agent does not answer: {error}"),
        }
        std::thread::yield_now();
    };
    let words: Vec<String> = words.iter().map(|word| word.replace(' ', "\t")).collect();
    writeln!(connection, "{id} {}", words.join(" ")).unwrap();
    let mut reader = BufReader::new(connection);
    let mut output = String::new();
    while reader.read_line(&mut output).unwrap() > 0 {
        if output.lines().last().is_some_and(|line| line.starts_with("exit ")) {
            return output;
        }
    }
    let _ = reader.read_to_string(&mut output);
    output
}
