//! Containers under the sensor.

use fargard_lab::{Options, PrintFormat, SensorOptions};
use libtest_mimic::Trial;

use crate::{
    bench::{Bench, busybox_tar, options, shell},
    rooted,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        rooted("sensor::the_example_raises_the_miner_check", example),
        rooted("sensor::names_that_are_looked_up_are_seen", names),
    ]
}

fn example() {
    let text = include_bytes!("../../../../examples/fargate-vulnerability-compliance-task.json");
    let mut options = Options::new(fargard_taskdef::read(text).unwrap().definition);
    options.sensor = Some(SensorOptions { print: PrintFormat::Text, ..SensorOptions::default() });
    let bench = Bench::start(options);
    bench.wait_for_line("[+] Sleeping...");
    let line = bench.wait_for_line("/tmp/xmrig");
    assert!(line.contains("crypto") || line.contains("miner"), "{line}");
    assert!(!std::path::Path::new("/tmp/xmrig").exists());
    bench.task.kill();
    bench.assert_clean();
}

/// With Fargate's capabilities packets are seen.
fn names() {
    let directory = tempfile::tempdir().unwrap();
    let Some(tar) = busybox_tar(directory.path()) else { return };
    let server = std::net::UdpSocket::bind("127.53.11.1:53").unwrap();
    let script = "nslookup -type=a x.nanopool.org 127.53.11.1; read x";
    let mut options = options(&[&shell("app", script)], "");
    options.rootfs.insert("app".to_owned(), tar);
    options.sensor = Some(SensorOptions { print: PrintFormat::Text, ..SensorOptions::default() });
    let bench = Bench::start(options);
    let mut query = [0; 512];
    server.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    let (length, from) = server.recv_from(&mut query).unwrap();
    // There is no such name.
    (query[2], query[3]) = (0x81, 0x83);
    server.send_to(&query[..length], from).unwrap();
    let line = bench.wait_for_line("Name of a mining pool looked up");
    assert!(line.contains("name=x.nanopool.org") && line.contains("file=nslookup"), "{line}");
    bench.task.kill();
    bench.assert_clean();
}
