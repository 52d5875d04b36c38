//! Stands in for the SSM agent that ECS puts into a container: one program under the three names of the agent's
//! programs. Started as `amazon-ssm-agent NAME` it starts `ssm-agent-worker`, which listens on the abstract socket
//! `NAME`; each connection is a session: its first line has the session's id and the command's words, separated by
//! blanks (a tab in a word stands for a blank). `ssm-session-worker ID` runs the command with the connection as its
//! output and says its exit code at the end.

use std::{
    io::{BufRead, BufReader, Write},
    os::{
        fd::{AsFd, OwnedFd},
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

fn main() {
    let mut arguments = std::env::args();
    let own = PathBuf::from(arguments.next().unwrap());
    let argument = arguments.next().unwrap();
    let beside = |name: &str| own.parent().unwrap_or(Path::new("/")).join(name);
    match own.file_name().and_then(|name| name.to_str()) {
        Some("amazon-ssm-agent") => {
            let mut worker = Command::new(beside("ssm-agent-worker")).arg(argument).spawn().unwrap();
            worker.wait().unwrap();
        }
        Some("ssm-agent-worker") => {
            let address = SocketAddr::from_abstract_name(argument).unwrap();
            for connection in UnixListener::bind_addr(&address).unwrap().incoming() {
                let connection = connection.unwrap();
                let program = beside("ssm-session-worker");
                std::thread::spawn(move || {
                    let mut line = String::new();
                    BufReader::new(&connection).read_line(&mut line).unwrap();
                    let (id, command) = line.trim_end().split_once(' ').unwrap();
                    let output: OwnedFd = connection.into();
                    Command::new(program)
                        .arg(id)
                        .env("SESSION_COMMAND", command)
                        .stdout(Stdio::from(output.try_clone().unwrap()))
                        .stderr(Stdio::from(output))
                        .status()
                        .unwrap();
                });
            }
        }
        _ => {
            let command = std::env::var("SESSION_COMMAND").unwrap();
            let words: Vec<String> = command.split(' ').map(|word| word.replace('\t', " ")).collect();
            let status = Command::new(&words[0]).args(&words[1..]).env_remove("SESSION_COMMAND").status();
            let mut output = std::fs::File::from(std::io::stdout().as_fd().try_clone_to_owned().unwrap());
            match status {
                Ok(status) => writeln!(output, "exit {:?}", status.code()).unwrap(),
                Err(error) => writeln!(output, "cannot execute {}: {error}", words[0]).unwrap(),
            }
        }
    }
}
