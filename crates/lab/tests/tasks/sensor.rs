//! Containers under the sensor.

use fargard_lab::{Options, PrintFormat, SensorOptions};
use libtest_mimic::Trial;

use crate::{bench::Bench, rooted};

pub(crate) fn trials() -> Vec<Trial> {
    vec![rooted("sensor::the_example_raises_the_miner_check", example)]
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
