//! What the test program does as a watched command.

use std::{
    fs::OpenOptions,
    io::Read,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Says which workload to be; without it there is nothing to do.
pub(crate) const VARIABLE: &str = "SENSOR_TEST_WORKLOAD";

pub(crate) fn run() {
    let Ok(what) = std::env::var(VARIABLE) else { return };
    let words: Vec<&str> = what.split(' ').collect();
    match words[..] {
        ["wait"] => {
            let none = rustix::process::wait(rustix::process::WaitOptions::NOHANG);
            println!("no children: {}", none.is_err_and(|error| error == rustix::io::Errno::CHILD));
        }
        ["opens", count] => println!("{}", opens(count.parse().unwrap())),
        ["opens", count, "slow-start"] => {
            let mut nothing = String::new();
            std::io::stdin().read_to_string(&mut nothing).unwrap();
            println!("{}", opens(count.parse().unwrap()));
        }
        ["opens", count, "until-told"] => {
            let told = Arc::new(AtomicBool::new(false));
            let tell = Arc::clone(&told);
            std::thread::spawn(move || {
                let mut nothing = String::new();
                std::io::stdin().read_to_string(&mut nothing).unwrap();
                tell.store(true, Ordering::SeqCst);
            });
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let (told, count) = (Arc::clone(&told), count.parse().unwrap());
                    std::thread::spawn(move || until_told(&told, count))
                })
                .collect();
            let (mut done, mut bad, mut longest) = (0, 0, Duration::ZERO);
            for thread in threads {
                let one = thread.join().unwrap();
                (done, bad, longest) = (done + one.0, bad + one.1, longest.max(one.2));
            }
            println!("done: {done} failed: {bad}");
            println!("longest: {} us", longest.as_micros());
        }
        ["flood", seconds, programs] => {
            let mut nothing = String::new();
            std::io::stdin().read_to_string(&mut nothing).unwrap();
            let until = Instant::now() + Duration::from_secs(seconds.parse().unwrap());
            let threads: Vec<_> = (0..2).map(|_| std::thread::spawn(move || flood(until))).collect();
            let programs: u32 = programs.parse().unwrap();
            for number in 0..programs {
                // Throughout the flood.
                std::thread::park_timeout(
                    until.saturating_duration_since(Instant::now()) / (programs - number),
                );
                assert!(Command::new("/bin/true").status().unwrap().success());
            }
            let all: Vec<(usize, usize)> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            let done: usize = all.iter().map(|one| one.0).sum();
            let bad: usize = all.iter().map(|one| one.1).sum();
            println!("opens: {done} failed: {bad}");
        }
        ["spawns", count] => {
            let count: usize = count.parse().unwrap();
            let done = (0..count).filter(|_| Command::new("/bin/true").status().unwrap().success()).count();
            println!("done: {done}");
        }
        ["threads", count] => {
            let threads: Vec<_> =
                (0..count.parse().unwrap()).map(|_| std::thread::spawn(|| failed(500))).collect();
            let failed: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
            println!("done: 2000 failed: {failed}");
        }
        _ => panic!("unknown workload {what:?}"),
    }
}

fn failed(count: usize) -> usize {
    (0..count).filter(|_| OpenOptions::new().write(true).open("/dev/null").is_err()).count()
}

fn opens(count: usize) -> String {
    format!("done: {count} failed: {}", failed(count))
}

/// Opens in bursts until told, and at least so often: how often, how often in vain, and the longest one.
fn until_told(told: &AtomicBool, count: usize) -> (usize, usize, Duration) {
    let (mut done, mut bad, mut longest) = (0, 0, Duration::ZERO);
    while done < count || !told.load(Ordering::SeqCst) {
        for _ in 0..50 {
            let start = Instant::now();
            bad += failed(1);
            done += 1;
            longest = longest.max(start.elapsed());
        }
        if done >= count {
            // For as long as it takes: nobody needs millions of them.
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
    (done, bad, longest)
}

/// Opens as often as it can: how often, and how often in vain.
fn flood(until: Instant) -> (usize, usize) {
    let (mut done, mut bad) = (0, 0);
    while Instant::now() < until {
        done += 20;
        bad += failed(20);
    }
    (done, bad)
}
