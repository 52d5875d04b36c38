//! What a program starts with beside its arguments: its file, and where its standard streams lead.

use std::{fs, net::SocketAddr, os::unix::fs::MetadataExt as _, path::Path};

use fargard_model::{ExeFile, StdStream};

use super::{
    procfs::Procfs,
    sockets::{self, Socket, Target},
};

/// The file at a path; `None` when it cannot be looked at.
pub(crate) fn exe_file(path: &Path) -> Option<ExeFile> {
    let data = fs::metadata(path).ok()?;
    let time = |seconds: i64, nanoseconds: i64| {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(nanoseconds).unwrap_or(0))
    };
    Some(ExeFile {
        inode: data.ino(),
        ctime: time(data.ctime(), data.ctime_nsec()),
        mtime: time(data.mtime(), data.mtime_nsec()),
    })
}

/// Standard input, output and error of a living process; empty when it is gone.
pub(crate) fn of(procfs: &Procfs, pid: u32) -> Vec<StdStream> {
    let mut streams: Vec<StdStream> = Vec::with_capacity(3);
    let mut links: Vec<Option<String>> = Vec::with_capacity(3);
    for number in 0..3 {
        let link = procfs.link(pid, &format!("fd/{number}"));
        // Often all three lead to one place: looking a socket up costs a walk through tables.
        let same = links.iter().position(|other| *other == link).and_then(|at| streams.get(at).cloned());
        streams.push(
            same.unwrap_or_else(|| sockets::lookup(procfs, pid, number).map(stream).unwrap_or_default()),
        );
        links.push(link);
    }
    if streams.iter().all(|stream| stream.typechar.is_none()) { Vec::new() } else { streams }
}

fn stream(target: Target) -> StdStream {
    match target {
        Target::Socket(socket) => {
            let is_six = [socket.local, socket.remote].iter().flatten().any(SocketAddr::is_ipv6);
            StdStream { typechar: Some(if is_six { '6' } else { '4' }), name: ends(&socket) }
        }
        Target::OtherSocket => StdStream { typechar: Some('o'), name: String::new() },
        Target::Link(link) => {
            let typechar = match &link {
                link if link.starts_with("pipe:") => 'p',
                link if link.starts_with("/memfd:") => 'm',
                link if link.starts_with('/') => 'f',
                _ => 'o',
            };
            StdStream { typechar: Some(typechar), name: link }
        }
    }
}

/// `local->remote`, as `fd.name` has it.
fn ends(socket: &Socket) -> String {
    let end = |address: Option<SocketAddr>| address.map(|address| address.to_string()).unwrap_or_default();
    match socket.remote {
        None => end(socket.local),
        Some(_) => format!("{}->{}", end(socket.local), end(socket.remote)),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read as _,
        net::{TcpListener, TcpStream},
        os::fd::OwnedFd,
        path::Path,
        process::{Command, Stdio},
    };

    use super::{exe_file, of};
    use crate::engine::procfs::Procfs;

    #[test]
    fn a_shell_over_a_connection_shows_where_it_leads() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let name = format!("{}->{}", stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        // It says that it runs, then waits for input that never comes.
        let mut child = Command::new("sh")
            .args(["-c", "echo up; read line"])
            .stdin(OwnedFd::from(stream))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut up = [0; 2];
        child.stdout.as_mut().unwrap().read_exact(&mut up).unwrap();
        let procfs = Procfs::system();
        // Rows come and go while the kernel writes its table out, so one reading may miss one.
        let found = (0..100).map(|_| of(&procfs, child.id())).find(|found| found[0].typechar == Some('4'));
        child.kill().unwrap();
        child.wait().unwrap();
        let found = found.unwrap();
        assert_eq!(found[0].name, name);
        assert_eq!(found[1].typechar, Some('p'));
        assert_eq!((found[2].typechar, found[2].name.as_str()), (Some('f'), "/dev/null"));
        assert!(of(&procfs, u32::MAX).is_empty());
    }

    #[test]
    fn files_have_their_times() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("program");
        std::fs::write(&path, "x").unwrap();
        let found = exe_file(&path).unwrap();
        let now = fargard_model::Timestamp::now().0;
        assert!(found.inode > 0 && found.ctime.abs_diff(now) < 3_600_000_000_000, "{found:?} at {now}");
        assert_eq!(exe_file(Path::new("/nonexistent")), None);
    }
}
