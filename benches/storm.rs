//! Workload of `cargo xtask bench sensor`, built by it with `rustc -O`: one file, no dependencies.
//!
//! `storm opens DIR ROUNDS`   opens, reads to the end and closes every file of DIR, ROUNDS times
//! `storm writes DIR ROUNDS`  creates, writes and removes one file per file of DIR, ROUNDS times
//! `storm flood DIR SECONDS THREADS` opens the files of DIR over and over from several threads; prints `opens N` too
//! `storm starts PROGRAM TIMES` starts a program and waits for its end, TIMES times
//! `storm wait`               does nothing until its standard input ends
//!
//! Prints `elapsed_ns N`, measured inside, so that start-up is not part of it.

use std::{
    env,
    fs::{self, File},
    io::{self, Read, Write},
    path::PathBuf,
    process::{Command, ExitCode},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["opens", directory, rounds] => timed(directory, rounds, read_file),
        ["writes", directory, rounds] => timed(directory, rounds, write_file),
        ["flood", directory, seconds, threads] => flood(directory, seconds, threads),
        ["starts", program, times] => start(program, times),
        ["wait"] => wait(),
        _ => Err(io::Error::other("usage: storm opens|writes DIR ROUNDS, storm flood DIR SECONDS THREADS, storm starts PROGRAM TIMES, or storm wait")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("storm: {error}");
            ExitCode::FAILURE
        }
    }
}

fn timed(directory: &str, rounds: &str, each: fn(&PathBuf) -> io::Result<()>) -> io::Result<()> {
    let rounds: u32 = rounds.parse().map_err(io::Error::other)?;
    let files: Vec<PathBuf> =
        fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    let started = Instant::now();
    for _ in 0..rounds {
        for file in &files {
            each(file)?;
        }
    }
    println!("elapsed_ns {}", started.elapsed().as_nanos());
    Ok(())
}

/// What `cat` does with a file: open, look at it, read until nothing comes, close.
fn read_file(path: &PathBuf) -> io::Result<()> {
    let mut file = File::open(path)?;
    file.metadata()?;
    let mut buffer = [0; 16 << 10];
    while file.read(&mut buffer)? > 0 {}
    Ok(())
}

fn write_file(path: &PathBuf) -> io::Result<()> {
    let new = path.with_extension("new");
    File::create(&new)?.write_all(b"written by a benchmark\n")?;
    fs::remove_file(new)
}

fn flood(directory: &str, seconds: &str, threads: &str) -> io::Result<()> {
    let seconds: u64 = seconds.parse().map_err(io::Error::other)?;
    let threads: usize = threads.parse().map_err(io::Error::other)?;
    let files: Vec<PathBuf> =
        fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    let started = Instant::now();
    let until = started + Duration::from_secs(seconds);
    let opens = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for file in files.iter().cycle() {
                    if File::open(file).is_ok() {
                        opens.fetch_add(1, Ordering::Relaxed);
                    }
                    if Instant::now() >= until {
                        return;
                    }
                }
            });
        }
    });
    println!("opens {}", opens.load(Ordering::Relaxed));
    println!("elapsed_ns {}", started.elapsed().as_nanos());
    Ok(())
}

fn start(program: &str, times: &str) -> io::Result<()> {
    let times: u32 = times.parse().map_err(io::Error::other)?;
    let started = Instant::now();
    for _ in 0..times {
        if !Command::new(program).status()?.success() {
            return Err(io::Error::other(format!("{program} failed")));
        }
    }
    println!("elapsed_ns {}", started.elapsed().as_nanos());
    Ok(())
}

fn wait() -> io::Result<()> {
    println!("ready");
    io::stdin().read_to_end(&mut Vec::new()).map(|_| ())
}
