//! What captures say, and what damaged ones do.

#[cfg(test)]
#[path = "support/build.rs"]
mod build;

use std::io::{Read, Write};

use fargard_model::{Event, EventType, Outcome};
use fargard_scap::{Capture, Problem, ScapError, Skipped, decompressed};
use proptest::prelude::*;

use build::{Build, int, long, shell};

fn read(bytes: &[u8]) -> (Vec<Event>, Option<ScapError>, Skipped) {
    let mut capture = Capture::new(bytes);
    let (mut events, mut failure) = (Vec::new(), None);
    for item in capture.by_ref() {
        match item {
            Ok(event) => events.push(event),
            Err(error) => failure = Some(error),
        }
    }
    (events, failure, capture.skipped())
}

fn whole(build: &Build) -> Vec<Event> {
    let (events, failure, skipped) = read(&build.0);
    assert!(failure.is_none(), "{failure:?}");
    assert_eq!(skipped, Skipped::default());
    events
}

#[test]
fn processes_descriptors_and_paths_follow_the_events() {
    let events = whole(&shell());
    let kinds: Vec<_> = events.iter().map(|event| (event.num, event.kind.name())).collect();
    let expected =
        ["clone", "execve", "openat", "openat", "socket", "connect", "close", "read", "procexit", "chdir"];
    assert_eq!(kinds, (1..).zip(expected).collect::<Vec<_>>());

    let [clone, exec, open, failed, socket, connect, close, stale, exit, chdir] = events.as_slice() else {
        panic!("{kinds:?}");
    };
    let process = &clone.process;
    assert_eq!((process.pid, process.name.as_str(), process.cwd.as_str()), (11, "sh", "/root"));
    assert_eq!(process.env, ["HOME=/root"]);

    let process = &exec.process;
    assert_eq!((process.cmdline(), process.cwd.as_str(), process.tty), ("curl -s http://x", "/tmp", 34_816));
    assert_eq!(
        (process.user.as_str(), process.group.as_str(), process.home.as_str()),
        ("ann", "staff", "/home/u")
    );
    let names: Vec<_> = process.lineage().map(|process| process.name.as_str()).collect();
    assert_eq!(names, ["curl", "sh", "init"]);

    let fd = open.fd.as_ref().unwrap();
    assert_eq!((fd.num, fd.typechar, fd.name.as_str()), (3, Some('f'), "/etc/passwd"));
    assert_eq!((fd.nameraw.as_str(), fd.dev, fd.ino), ("../etc/passwd", Some(8), Some(9)));
    assert_eq!(open.path("name"), Some("/etc/passwd"));
    assert!(open.is_open_read() && !open.is_open_write());
    assert_eq!(open.outcome, Outcome::Confirmed(3));

    // Relative to a directory that was open before the capture; the call failed.
    let fd = failed.fd.as_ref().unwrap();
    assert_eq!((fd.num, fd.name.as_str(), failed.outcome), (-1, "/var/log/x.log", Outcome::Confirmed(-2)));
    assert!(failed.is_open_write());

    let fd = socket.fd.as_ref().unwrap();
    assert_eq!((fd.typechar, fd.l4proto.as_deref(), fd.name.as_str()), (Some('4'), Some("tcp"), ""));
    let fd = connect.fd.as_ref().unwrap();
    assert_eq!((fd.name.as_str(), fd.client), ("10.0.0.2:40000->1.2.3.4:443", Some(true)));
    assert_eq!(fd.remote, Some("1.2.3.4:443".parse().unwrap()));

    assert_eq!(close.fd.as_ref().unwrap().name, "/etc/passwd");
    assert_eq!(stale.fd.as_ref().unwrap().name, "", "it was closed");
    assert_eq!(
        (exit.kind, exit.outcome, exit.process.name.as_str()),
        (EventType::Procexit, Outcome::Attempt, "curl")
    );
    assert_eq!(chdir.process.cwd, "/srv");
}

#[test]
fn events_of_every_form_of_block_are_the_same() {
    let params: &[&[u8]] = &[&long(3), b"/x\0", &int(1), &int(0)];
    for block in [0x204, 0x208, 0x216, 0x217, 0x221, 0x222] {
        let events = whole(&Build::new().process(7, 1, "p", "/").event_as(block, 5, 7, 3, params));
        let fd = events[0].fd.as_ref().unwrap();
        assert_eq!((events[0].time.0, events[0].tid, fd.name.as_str()), (5, 7, "/x"), "{block:#x}");
    }
}

#[test]
fn entries_of_calls_give_their_ends_what_these_lack() {
    let events = whole(
        &Build::new()
            .process(7, 1, "p", "/w")
            .file(7, 4, "/data")
            .event(1, 7, 102, &[&long(4), b"f\0", &int(3), &int(0)])
            .event(2, 8, 102, &[&long(-100), b"other\0", &int(1), &int(0)])
            .event(3, 7, 103, &[&long(9)])
            .event(4, 7, 4, &[&long(9)])
            .event(5, 7, 5, &[&long(0)])
            .event(6, 7, 5, &[&long(0)]),
    );
    let names: Vec<_> = events.iter().map(|event| event.fd.as_ref().unwrap().name.as_str()).collect();
    assert_eq!(names, ["/data/f", "/data/f", ""], "an entry serves one end");
    assert!(events[0].is_open_read() && events[0].is_open_write());
}

#[test]
fn what_is_not_known_is_passed_over_and_counted() {
    let build = Build::new()
        .process(7, 1, "p", "/")
        .block(0x9999, b"whatever")
        .event(1, 7, 601, &[])
        .event_as(0x216, 2, 7, 5, &[&long(0), &long(1)])
        .block(0x216, &[0; 40]);
    let (events, failure, skipped) = read(&build.0);
    assert_eq!(events.len(), 1);
    assert!(failure.is_none());
    assert_eq!(skipped, Skipped { blocks: 1, events: 1, damaged: 1 });
}

#[test]
fn a_capture_cut_anywhere_gives_what_was_whole_and_says_where_it_ends() {
    let bytes = shell().0;
    let all = read(&bytes).0;
    for cut in 0..bytes.len() {
        let (events, failure, _) = read(&bytes[..cut]);
        assert_eq!(events, all[..events.len()], "cut at {cut}");
        if let Some(failure) = failure {
            assert!(failure.offset <= cut as u64, "{failure}");
            assert!(matches!(failure.problem, Problem::Truncated(_)), "{failure}");
        }
    }
}

#[test]
fn compressed_captures_are_the_same_and_a_cut_one_is_told() {
    let bytes = shell().0;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&bytes).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::bulk::compress(&bytes, 1).unwrap();
    for compressed in [&bytes, &gzip, &zstd] {
        let events: Vec<_> =
            Capture::new(decompressed(&compressed[..]).unwrap()).collect::<Result<_, _>>().unwrap();
        assert_eq!(events, read(&bytes).0);
    }
    for cut in [&gzip[..gzip.len() / 2], &zstd[..zstd.len() - 3]] {
        let last = Capture::new(decompressed(cut).unwrap()).last().unwrap();
        assert!(matches!(last.unwrap_err().problem, Problem::Truncated(_)));
    }
}

#[test]
fn what_is_no_capture_or_too_much_of_one_is_refused_with_a_reason() {
    let mut big_endian = Build::new().0;
    big_endian[8..12].reverse();
    let mut newer = Build::new().0;
    newer[12] = 9;
    let mut length = shell().0;
    length[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut trailer = shell().0;
    trailer[24] ^= 1;
    for (bytes, reason) in [
        (b"hello, I am text".to_vec(), "byte 0: not a Falco capture"),
        (big_endian, "byte 0 (section block, type 0xa0d0d0a): byte-order mark 0x4d3c2b1a is not"),
        (newer, "capture format 9 is newer"),
        (length, "byte 28 (process list block, type 0x215): a block cannot be 4294967295 bytes"),
        (trailer, "the block's length is 28 at its start and 29 at its end"),
        (Build::new().block(0x215, &[9; 16]).0, "entry 1 of the process list does not fit"),
        (Build::new().block(0x218, &[9; 30]).0, "entry 1 of the descriptor list does not fit"),
    ] {
        let failure = read(&bytes).1.unwrap().to_string();
        assert!(failure.starts_with("byte ") && failure.contains(reason), "{failure}");
    }
    let bomb = zstd::bulk::compress(&[&Build::new().0[..], &vec![0; 32 << 20]].concat(), 1).unwrap();
    let last = Capture::with_limit(decompressed(&bomb[..]).unwrap(), 1 << 20).last().unwrap();
    assert!(last.is_err());
    let limited = Capture::with_limit(&shell().0[..], 700).last().unwrap();
    assert!(matches!(limited.unwrap_err().problem, Problem::TooLong(700)));
}

#[test]
fn a_block_that_claims_more_than_there_is_takes_no_memory_for_it() {
    let mut bytes = Build::new().0;
    bytes.extend(0x215u32.to_le_bytes());
    bytes.extend((60u32 << 20).to_le_bytes());
    let endless = std::io::repeat(0).take(1 << 20);
    let last = Capture::new(bytes.chain(endless)).last().unwrap();
    assert!(matches!(last.unwrap_err().problem, Problem::Truncated("a block")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_end_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let framed = Build::new().block(0x216, &bytes).block(0x215, &bytes).block(0x218, &bytes).block(0x220, &bytes);
        read(&framed.0);
        read(&bytes);
        if let Ok(input) = decompressed(&bytes[..]) {
            Capture::with_limit(input, 1 << 20).for_each(drop);
        }
    }

    #[test]
    fn a_damaged_capture_ends_without_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)
    ) {
        let mut bytes = shell().0;
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let (events, _, _) = read(&bytes);
        prop_assert!(events.len() <= 10);
    }

    #[test]
    fn any_parameters_of_any_event_are_read(
        number in 0..440u16,
        params in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..24), 0..34),
        entry in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..24), 0..8),
    ) {
        let refs = |params: &[Vec<u8>]| params.iter().map(Vec::as_slice).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let (params, entry) = (refs(&params), refs(&entry));
        let params: Vec<&[u8]> = params.iter().map(Vec::as_slice).collect();
        let entry: Vec<&[u8]> = entry.iter().map(Vec::as_slice).collect();
        let mut build = shell();
        if number % 2 == 1 {
            build = build.event(1, 10, number - 1, &entry);
        }
        read(&build.event(2, 10, number, &params).event(3, 10, number, &params).0);
    }
}
