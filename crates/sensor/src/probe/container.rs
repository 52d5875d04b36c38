//! The container: its first process, networks, metadata.

use std::{
    io::{Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    time::Duration,
};

use rustix::net::{AddressFamily, SocketType, netlink};

use super::{Facts, errno, read};

/// How long the metadata endpoint may take.
const METADATA: Duration = Duration::from_millis(500);
/// Bytes of its answer that are read.
const MAX_LINE: u64 = 64;

pub(super) fn ask(facts: &mut Facts) {
    let comm = read("/proc/1/comm").unwrap_or_default().trim().to_owned();
    let own = std::process::id() == 1;
    facts.is(
        "first_process",
        "PID 1",
        match comm.as_str() {
            _ if own => "this process".to_owned(),
            "pause" => "pause: the containers of the task share their processes".to_owned(),
            "" => "cannot be seen".to_owned(),
            comm => comm.to_owned(),
        },
    );
    let cgroup = read("/proc/self/cgroup").unwrap_or_default();
    let cgroup = cgroup.lines().next().and_then(|line| line.splitn(3, ':').nth(2)).unwrap_or("unknown");
    facts.is("cgroup", "cgroup of this process", cgroup);
    let diag = rustix::net::socket(AddressFamily::NETLINK, SocketType::RAW, Some(netlink::SOCK_DIAG));
    facts.result("sock_diag", "sock_diag (listeners, peers)", Ok(number(diag.err())));
    // Protocol 0: such a socket receives nothing.
    let packet = rustix::net::socket(AddressFamily::PACKET, SocketType::RAW, None);
    facts.result("packet", "packet socket (DNS, SYN; NET_RAW)", Ok(number(packet.err())));
    let (answers, detail) = metadata();
    facts.whether("metadata", "ECS metadata endpoint v4", answers, detail);
}

fn number(error: Option<rustix::io::Errno>) -> i32 {
    error.map_or(0, rustix::io::Errno::raw_os_error)
}

fn metadata() -> (bool, String) {
    let Some(base) = std::env::var_os("ECS_CONTAINER_METADATA_URI_V4") else {
        return (false, "ECS_CONTAINER_METADATA_URI_V4 is not set: not an ECS task".to_owned());
    };
    let base = base.to_string_lossy().into_owned();
    match status_line(&base) {
        Ok(line) => (line.contains(" 200"), line),
        Err(error) => {
            let error = error.raw_os_error().map_or_else(|| error.to_string(), errno);
            (false, format!("{base} does not answer: {error}"))
        }
    }
}

/// The first line of what the endpoint answers.
fn status_line(base: &str) -> std::io::Result<String> {
    let invalid = || std::io::Error::other("no http:// address");
    let rest = base.strip_prefix("http://").ok_or_else(invalid)?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = match host.parse() {
        Ok(address) => address,
        Err(_) if host.contains(':') => host.to_socket_addrs()?.next().ok_or_else(invalid)?,
        Err(_) => std::net::SocketAddr::new(host.parse().map_err(|_| invalid())?, 80),
    };
    let mut stream = TcpStream::connect_timeout(&address, METADATA)?;
    stream.set_read_timeout(Some(METADATA))?;
    stream.set_write_timeout(Some(METADATA))?;
    stream.write_all(format!("GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes())?;
    let mut bytes = Vec::new();
    stream.take(MAX_LINE).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::status_line;

    #[test]
    fn the_endpoints_first_line_is_read() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/v4/abc", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 200];
            let length = stream.read(&mut request).unwrap();
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n{}").unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        assert_eq!(status_line(&base).unwrap(), "HTTP/1.0 200 OK");
        assert!(server.join().unwrap().starts_with("GET /v4/abc HTTP/1.0"));
        assert!(status_line("ftp://x").is_err());
    }
}
