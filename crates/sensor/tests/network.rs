//! What the sensor sees of the network besides stopped calls, with real packets, sockets and resolvers on loopback.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use fargard_model::bounded;
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(30);

/// A name server that answers every question about an address with one address.
struct Server {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// On port 53 of a loopback address that no other test uses.
    fn at(address: &str, answer: Ipv4Addr) -> Self {
        let socket = UdpSocket::bind((address, 53)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let address = socket.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let thread = thread::spawn(move || {
            let mut buffer = [0; 1500];
            while !ended.load(Ordering::Relaxed) {
                if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                    socket.send_to(&respond(&buffer[..length], answer), from).unwrap();
                }
            }
        });
        Self { address, over, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().unwrap().join();
    }
}

/// The answer to a query: one alias and its address for type A, nothing for other types.
fn respond(query: &[u8], address: Ipv4Addr) -> Vec<u8> {
    let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let is_a = query[end - 4..end - 2] == [0, 1];
    let mut answer = query[..end].to_vec();
    (answer[2], answer[3]) = (0x81, 0x80);
    answer[6..12].copy_from_slice(&[0, if is_a { 2 } else { 0 }, 0, 0, 0, 0]);
    if is_a {
        answer.extend(b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x0c\x05alias\x04test\x00");
        let alias = (answer.len() - 12) as u8;
        answer.extend([0xc0, alias, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(address.octets());
    }
    answer
}

struct Run {
    directory: tempfile::TempDir,
}

impl Run {
    fn with(rules: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("rules.yaml"), rules).unwrap();
        Self { directory }
    }

    /// The command under the sensor, with a resolver configuration of its own that names the server.
    fn command(&self, network: &str, server: Option<&Server>, script: &str) -> Command {
        let resolver = self.directory.path().join("resolv.conf");
        let name = server.map_or_else(String::new, |server| server.address.ip().to_string());
        fs::write(&resolver, format!("nameserver {name}\noptions timeout:5 attempts:2\n")).unwrap();
        let mount = format!("mount --bind {} /etc/resolv.conf && exec \"$@\"", resolver.display());
        let sensor = env!("CARGO_BIN_EXE_fargard-sensor");
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &mount, "sh", sensor, "run", "--stay", "--", "bash", "-c", script]);
        command.env("FARGARD_RULES", self.path("rules.yaml")).env("FARGARD_PRINT", "json");
        command.env("FARGARD_PRINT_TO", self.path("alerts")).env("FARGARD_NETWORK", network);
        command
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn alerts(&self) -> Vec<Value> {
        let text = bounded::read_to_string(&self.path("alerts"), 1 << 20).unwrap_or_default();
        // The last line may not be whole yet.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn wait_for(&self, rule: &str) -> Value {
        wait(|| self.alerts().into_iter().find(|alert| alert["rule"] == rule))
    }
}

fn wait<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited in vain");
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// A command that lives until its input ends.
fn living(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).spawn().unwrap()
}

fn rule(name: &str, condition: &str) -> String {
    format!(
        "- rule: {name}\n  desc: d\n  priority: NOTICE\n  condition: {condition}\n  output: x %fd.name %fd.sip.name \
         %fd.rip.name %proc.name %proc.pid %evt.args %dns.question.name %dns.question.type %dns.answers %dns.rcode\n"
    )
}

fn field<'a>(alert: &'a Value, name: &str) -> &'a Value {
    &alert["output_fields"][name]
}

#[test]
fn a_connection_has_the_name_that_was_looked_up_for_its_address() {
    let server = Server::at("127.53.9.1", Ipv4Addr::new(127, 53, 9, 2));
    let listener = TcpListener::bind("127.53.9.2:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let rules = [
        rule("Named", &format!("evt.type=connect and fd.sport={port} and fd.sip.name=www.shop.test")),
        rule(
            "Alias",
            &format!("evt.type=connect and fd.sport={port} and fd.sip.name in (x.test, alias.test)"),
        ),
        rule("Other", &format!("evt.type=connect and fd.sport={port} and fd.sip.name != www.shop.test")),
        rule("Asked", "evt.type=asyncevent and evt.asynctype=dns_query and dns.question.name=www.shop.test"),
        rule(
            "Answered",
            "evt.asynctype=dns_answer and dns.answers contains 127.53.9.2 and dns.rcode=NOERROR",
        ),
    ];
    let run = Run::with(&rules.concat());
    // The C library's resolver, which connects its socket, and then a program that knows the address only.
    let script = format!("getent ahostsv4 WWW.shop.test >/dev/null; exec 3<>/dev/tcp/127.53.9.2/{port}");
    let output = run.command("auto", Some(&server), &script).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("read-only opens"), "{said}");
    let alerts = run.alerts();
    let of = |rule: &str| alerts.iter().filter(|alert| alert["rule"] == rule).collect::<Vec<_>>();
    assert_eq!([of("Named").len(), of("Alias").len(), of("Other").len()], [1, 1, 0], "{alerts:#?}");
    let named = of("Named")[0];
    assert_eq!(field(named, "fd.sip.name"), "www.shop.test");
    assert_eq!(field(named, "proc.name"), "bash");
    let asked = of("Asked");
    assert_eq!(asked.len(), 1, "{alerts:#?}");
    assert_eq!(field(asked[0], "dns.question.type"), "A");
    assert_eq!(field(asked[0], "proc.name"), "getent", "who asked");
    let answered = of("Answered")[0];
    assert_eq!(field(answered, "dns.answers"), "CNAME alias.test, A 127.53.9.2");
    assert_eq!(field(answered, "proc.name"), "getent");
}

#[test]
fn a_query_of_a_program_with_a_resolver_of_its_own_is_seen_with_the_program() {
    let server = Server::at("127.53.9.3", Ipv4Addr::new(127, 0, 0, 1));
    // The socket is gone before anybody can look for its owner: the stopped call tells it.
    let rules = [
        rule("Asked", "evt.asynctype=dns_query and dns.question.name endswith .pool.test"),
        rule("Calls", "evt.type in (connect, sendto) and fd.sport=53 and proc.name=none"),
    ];
    let run = Run::with(&rules.concat());
    let script = format!("busybox nslookup -type=a a.pool.test {} >/dev/null", server.address.ip());
    let mut command = run.command("auto", None, &script);
    command.status().unwrap();
    let alerts = run.alerts();
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    assert_eq!(field(&alerts[0], "proc.name"), "busybox");
    assert!(field(&alerts[0], "fd.name").as_str().unwrap().ends_with("->127.53.9.3:53"), "{alerts:#?}");
}

/// The test's own process is not watched: it stands for an exec'd session.
#[test]
fn what_unwatched_processes_do_is_seen_once() {
    let listener = TcpListener::bind("127.53.9.4:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let rules = [
        rule("Listens", &format!("evt.type=listen and fd.lport={port}")),
        rule("Connects", &format!("evt.type=connect and fd.sport={port}")),
    ];
    let run = Run::with(&rules.concat());
    let mut sensor =
        living(&mut run.command("all", None, &format!("exec 3<>/dev/tcp/127.53.9.4/{port}; read x")));
    let listens = run.wait_for("Listens");
    assert_eq!(field(&listens, "proc.pid"), std::process::id());
    assert!(field(&listens, "evt.args").as_str().unwrap().contains("learned_from=sockets"), "{listens}");
    let by_bash = run.wait_for("Connects");
    assert_eq!(field(&by_bash, "proc.name"), "bash");
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    wait(|| (run.alerts().len() > 2).then_some(()));
    drop(sensor.stdin.take());
    sensor.wait().unwrap();
    let alerts = run.alerts();
    assert_eq!(alerts.len(), 3, "the watched connection is not told twice: {alerts:#?}");
    let own = &alerts[2];
    assert_eq!(field(own, "proc.pid"), std::process::id());
    let ends = format!("{}->{}", stream.local_addr().unwrap(), stream.peer_addr().unwrap());
    assert_eq!(field(own, "fd.name"), &ends);
    assert!(field(own, "evt.args").as_str().unwrap().contains("learned_from=packets"), "{own}");
}

/// The kernel makes a call again that a signal interrupted; it is stopped each time.
#[test]
fn a_connection_whose_call_is_interrupted_is_one() {
    let listener = TcpListener::bind("127.53.9.8:0").unwrap();
    // Room for one: whoever comes next waits until somebody accepts.
    rustix::net::listen(&listener, 0).unwrap();
    let at = listener.local_addr().unwrap();
    let filler = TcpStream::connect(at).unwrap();
    let run = Run::with(&rule("Connects", &format!("evt.type=connect and fd.sport={}", at.port())));
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/interrupted_connect.py");
    let script = format!("exec python3 {} {} {}", program.display(), at.ip(), at.port());
    let mut sensor = living(run.command("auto", None, &script).stdout(Stdio::piped()));
    let mut said = BufReader::new(sensor.stdout.take().unwrap());
    said.read_line(&mut String::new()).unwrap();
    let accepted: Vec<_> = (0..3).map(|_| listener.accept().unwrap()).collect();
    // The ends of a connection are seen only while its process lives.
    wait(|| (run.alerts().len() > 1).then_some(()));
    drop(sensor.stdin.take());
    sensor.wait().unwrap();
    let ends: Vec<String> = accepted[1..].iter().map(|(_, peer)| format!("{peer}->{at}")).collect();
    let alerts = run.alerts();
    let told: Vec<_> = alerts.iter().map(|alert| field(alert, "fd.name").as_str().unwrap()).collect();
    assert_eq!(told, ends, "each connection once");
    drop(filler);
}

#[test]
fn outside_of_a_task_nothing_is_told_of_others() {
    let listener = TcpListener::bind("127.53.9.5:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let rules = format!("evt.type in (listen, connect) and fd.port={port}");
    let run = Run::with(&rule("Seen", &rules));
    let mut sensor = living(&mut run.command("auto", None, "read x; true"));
    let _streams: Vec<TcpStream> =
        (0..10).map(|_| TcpStream::connect(listener.local_addr().unwrap()).unwrap()).collect();
    drop(sensor.stdin.take());
    assert!(sensor.wait().unwrap().success());
    assert!(run.alerts().is_empty(), "{:?}", run.alerts());
}

#[test]
fn without_the_right_to_see_packets_everything_else_works() {
    let listener = TcpListener::bind("127.53.9.6:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let run = Run::with(&rule("Connects", &format!("evt.type=connect and fd.sport={port}")));
    let mut command = run.command("auto", None, "true");
    command.env("SCRIPT", format!("exec 3<>/dev/tcp/127.53.9.6/{port}"));
    let mut without = Command::new("setpriv");
    without.args(["--bounding-set", "-net_raw", "--inh-caps", "-net_raw"]);
    without.arg(Path::new(env!("CARGO_BIN_EXE_fargard-sensor")));
    without.args(["run", "--stay", "--", "bash", "-c", "eval \"$SCRIPT\""]);
    without.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = without.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches("packets cannot be seen").count(), 1, "{said}");
    assert_eq!(run.alerts().len(), 1, "{said}");
}

#[test]
fn the_default_rules_about_names_fire_for_real_queries() {
    let server = Server::at("127.53.9.7", Ipv4Addr::new(169, 254, 170, 2));
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let file = |name: &str| bounded::read_to_string(&rules.join(name), 1 << 20).unwrap();
    let run = Run::with(&[file("fargard_rules.yaml"), file("fargard_rules_dns.yaml")].join("\n"));
    let script = "busybox nslookup -type=a xmr.nanopool.org $IP; busybox nslookup -type=a rebind.test $IP; \
                  busybox nslookup -type=aaaa www.example.test $IP; true";
    // A program that is gone when the engine looks has no name, and is told of only where everybody is.
    let mut command = run.command("all", None, script);
    command.env("IP", server.address.ip().to_string()).stdout(Stdio::null());
    assert!(command.status().unwrap().success());
    let seen: Vec<(String, String)> = run
        .alerts()
        .iter()
        // The command line names a pool as well.
        .filter(|alert| alert["rule"] != "Crypto miner executed")
        .map(|alert| {
            let name = field(alert, "dns.question.name").as_str().unwrap_or_default();
            // The asker, or nobody when it was gone; never another.
            let asker = field(alert, "proc.name");
            assert!(asker.is_null() || asker == "busybox", "{alert}");
            (alert["rule"].as_str().unwrap().to_owned(), name.to_owned())
        })
        .collect();
    let expected = [
        ("Mining pool looked up", "xmr.nanopool.org"),
        ("Name leads to credentials endpoint", "xmr.nanopool.org"),
        ("Name leads to credentials endpoint", "rebind.test"),
    ];
    assert_eq!(seen, expected.map(|(rule, name)| (rule.to_owned(), name.to_owned())));
}
