use proptest::prelude::*;

use super::{Data, MAX_RECORDS, Message, Question, Record, parse, type_name};

/// Messages dnspython made, and how it reads them; see `testdata/make.py`.
const MESSAGES: &str = include_str!("../testdata/dns.tsv");

pub(in crate::net) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().map(|digit| char::from(digit).to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn line(message: &Message) -> String {
    let Message { id, response, opcode, rcode, truncated, question, answers } = message;
    let question = question.as_ref().unwrap();
    let (way, whole) = (if *response { "answer" } else { "query" }, if *truncated { "cut" } else { "whole" });
    let kind = type_name(question.kind);
    let mut line = format!("{id} {way} {opcode} {rcode} {whole} {} {kind}", question.name);
    for record in answers {
        line += &format!(" | {} {} {record}", record.name, record.ttl);
    }
    line
}

#[test]
fn messages_are_read_as_dnspython_reads_them() {
    let mut seen = 0;
    for row in MESSAGES.lines() {
        let (hex, expected) = row.split_once('\t').unwrap();
        assert_eq!(line(&parse(&unhex(hex)).unwrap()), expected);
        seen += 1;
    }
    assert_eq!(seen, 160);
}

#[test]
fn hints_are_addresses() {
    let with_hints = MESSAGES.lines().filter(|row| row.contains("ipv4hint") || row.contains("HTTPS"));
    let hints: usize = with_hints
        .filter_map(|row| parse(&unhex(row.split('\t').next().unwrap())))
        .flat_map(|message| message.answers)
        .map(|record| match record.data {
            Data::Binding { hints, .. } => hints.len(),
            _ => 0,
        })
        .sum();
    assert!(hints > 0 && hints.is_multiple_of(3), "two IPv4 and one IPv6 each: {hints}");
}

fn header(questions: u8, answers: u8) -> Vec<u8> {
    vec![0, 1, 0x80, 0, 0, questions, 0, answers, 0, 0, 0, 0]
}

#[test]
fn pointers_only_lead_backwards() {
    for name in [
        &[0xc0, 12][..],          // at itself
        &[0xc0, 14, 0xc0, 12],    // at each other
        &[1, b'a', 0xc0, 12],     // at the name's own start
        &[0xc0, 200, 0, 0, 0, 0], // out of the message
        &[0x40, 0, 0],            // a kind of label that is not in use
        &[63, b'a'],              // cut off
    ] {
        let message = [&header(1, 0)[..], name, &[0, 1, 0, 1]].concat();
        assert_eq!(parse(&message), None, "{name:?}");
    }
    // 128 labels of one byte are one byte more than a name may have.
    let long: Vec<u8> = [1, b'a'].repeat(128).into_iter().chain([0, 0, 1, 0, 1]).collect();
    assert_eq!(parse(&[header(1, 0), long].concat()), None);
    let longest: Vec<u8> = [1, b'a'].repeat(127).into_iter().chain([0, 0, 1, 0, 1]).collect();
    assert!(parse(&[header(1, 0), longest].concat()).is_some());
}

#[test]
fn what_was_cut_off_gives_what_came_before() {
    let row = MESSAGES.lines().find(|row| row.matches(" | ").count() == 5).unwrap();
    let bytes = unhex(row.split('\t').next().unwrap());
    let whole = parse(&bytes).unwrap();
    let mut found: Vec<usize> = (0..bytes.len())
        .filter_map(|end| parse(&bytes[..end]))
        .inspect(|part| assert_eq!(part.answers, whole.answers[..part.answers.len()]))
        .map(|part| part.answers.len())
        .collect();
    found.dedup();
    assert_eq!(found, [0, 1, 2, 3, 4, 5]);
}

fn alias(name: &str, target: &str) -> Record {
    Record { name: name.into(), kind: 5, ttl: 1, data: Data::Alias(target.into()) }
}

#[test]
fn aliases_are_followed_once() {
    let message = Message {
        id: 0,
        response: true,
        opcode: 0,
        rcode: 0,
        truncated: false,
        question: Some(Question { name: "a.test".into(), kind: 1 }),
        answers: vec![alias("b.test", "c.test"), alias("a.test", "b.test"), alias("c.test", "a.test")],
    };
    assert_eq!(message.names(), ["a.test", "b.test", "c.test"]);
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        check(&bytes);
    }

    #[test]
    fn damaged_messages_are_read(row in 0..160_usize, changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..8)) {
        let mut bytes = unhex(MESSAGES.lines().nth(row).unwrap().split('\t').next().unwrap());
        for (at, byte) in changes {
            let length = bytes.len();
            bytes[usize::from(at) % length] = byte;
        }
        check(&bytes);
    }
}

fn check(bytes: &[u8]) {
    let Some(message) = parse(bytes) else { return };
    assert!(message.answers.len() <= MAX_RECORDS && message.names().len() <= MAX_RECORDS + 1);
    for name in message.names() {
        assert!(!name.is_empty() && name.len() <= 4 * 255, "{name}");
    }
}
