use std::{fs, io::Write as _, path::Path};

use fargard_model::Timestamp;
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use crate::{ReadError, Reader, Records, exercise, reader::unpacked};

/// A record with this id and second of 1970.
fn record(id: &str, second: u64) -> String {
    format!(
        "{{\"eventVersion\":\"1.08\",\"eventID\":\"{id}\",\"eventTime\":\"1970-01-01T00:00:{second:02}Z\",\
         \"eventType\":\"AwsApiCall\",\"userAgent\":\"}} ] \\\" {{\"}}"
    )
}

/// What is read of a text: ids of records, and damage as it is told.
fn read(text: &str) -> Vec<String> {
    read_bytes(text.as_bytes())
}

fn read_bytes(bytes: &[u8]) -> Vec<String> {
    let tell = |found: Result<fargard_rules::Record, crate::Damage>| match found {
        Ok(record) => format!("{} {}", record.num, record.text_at(&["eventID"]).unwrap()),
        Err(damage) => damage.to_string(),
    };
    Records::new(bytes).map(tell).collect()
}

#[test]
fn every_form_gives_the_same_records() {
    let (a, b) = (record("a", 1), record("b", 2));
    for text in [
        format!("{{\"Records\":[{a},{b}]}}"),
        format!("\u{feff} {{ \"Records\" : [ {a} , {b} ] , \"more\" : [{{}}] }} "),
        format!("{{\"more\":1,\"Records\":[{a},{b}]}}"),
        format!("[{a},\n{b}]"),
        format!("{a}\n{b}\n"),
        format!("{a}\r\n\r\n{b}"),
        format!("{a}{b}"),
        format!("[{a}]\n[]\n{{\"Records\":[{b}]}}"),
        format!(
            "{{\"Records\":[{a},{{\"eventType\":\"AwsCloudTrailInsight\",\"eventTime\":\"1970-01-01T00:00:00Z\"}},{b}]}}"
        ),
    ] {
        assert_eq!(read(&text), ["1 a", "2 b"], "{text}");
        let times: Vec<Timestamp> =
            Records::new(text.as_bytes()).flatten().map(|record| record.time).collect();
        assert_eq!(times, [Timestamp(1_000_000_000), Timestamp(2_000_000_000)]);
    }
    assert!(read("").is_empty());
    assert!(read("{\"Records\":[]}").is_empty());
}

#[test]
fn damage_is_told_with_its_place_and_the_rest_goes_on() {
    let (a, b) = (record("a", 1), record("b", 2));
    // Where what follows the first record begins in an array, a document and on lines.
    let (item, in_document, line) = (a.len() + 2, a.len() + 13, a.len() + 1);
    let cases = [
        (format!("[{a},{{\"x\":tru}},{b}]"), 2, item + 5, "expected true, false or null"),
        (format!("[{a},7,{b}]"), 2, item, "expected a record, which is a JSON object"),
        (format!("[{a}{b}]"), 1, item - 1, "expected ',' or ']' after a record"),
        (
            format!("[{a},{{\"eventVersion\":\"1.08\",\"x\":\"no end,{b}]"),
            2,
            item + 37,
            "expected ',' or '}' after a member",
        ),
        (format!("{a}\nnonsense\n{b}\n"), 2, line, "expected a JSON object or array"),
        (format!("{a}\n{{\"x\":\"no end\n{b}\n"), 2, line + 12, "a control character inside a string"),
        (format!("{a}\n{{}}\n{b}"), 2, line, "no CloudTrail record: it has no eventTime"),
        (
            format!("{a}\n{{\"eventTime\":\"soon\",\"eventType\":\"x\"}}\n{b}"),
            2,
            line,
            "the eventTime is no time in RFC 3339 after 1970",
        ),
        (
            format!("{a}\n{{\"eventTime\":\"1970-01-01T00:00:00Z\"}}\n{b}"),
            2,
            line,
            "no CloudTrail record: it has no eventType",
        ),
        (
            format!("{{\"Records\":[{a}]\n{b}"),
            1,
            in_document + 1,
            "the document is not ended as JSON: expected ',' or '}'",
        ),
        (format!("{{\"Records\":[{a}"), 1, in_document - 1, "expected ',' or ']' after a record"),
        (format!("{{\"Records\":[{a},"), 2, in_document, "the input ends inside the array of records"),
    ];
    for (text, index, at, what) in cases {
        let mut expected = vec!["1 a".to_owned(), format!("record {index}, byte {at}: {what}")];
        if text.contains(&b) {
            expected.push("2 b".into());
        }
        assert_eq!(read(&text), expected, "{text}");
    }
}

#[test]
fn bytes_that_are_no_text_cost_one_record() {
    let mut bytes = format!("[{},", record("a", 1)).into_bytes();
    let at = bytes.len() + 6;
    bytes.extend(b"{\"x\":\"\xff\"},");
    bytes.extend(format!("{}]", record("b", 2)).bytes());
    assert_eq!(read_bytes(&bytes), ["1 a", &format!("record 2, byte {at}: not UTF-8"), "2 b"]);
}

#[test]
fn a_record_is_limited() {
    let long = format!("[{{\"x\":\"{}\"}},{}]", "y".repeat(4 << 20), record("b", 2));
    assert_eq!(read(&long), ["record 1, byte 1: a record of more than 4 MiB", "1 b"]);
    let deep = format!("[{{\"x\":{}{}}},{}]", "[".repeat(100_000), "]".repeat(100_000), record("b", 2));
    assert_eq!(read(&deep), ["record 1, byte 133: nested too deep", "1 b"]);
}

/// Text that makes every try fail and looks like a record each few bytes: work must not grow with its square.
#[test]
fn hostile_text_takes_linear_time() {
    for part in [
        "{\"eventVersion\"",
        "{\"eventVersion\":",
        "[{",
        "{\"",
        "{\"a\":\"\\",
        "[[",
        "}",
        "{}",
        "[{},",
        "\n{",
    ] {
        let text = part.repeat((1 << 20) / part.len());
        let events = Records::new(text.as_bytes()).count();
        assert!(events <= text.len(), "{part}");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn told(reader: Reader, root: &Path) -> Vec<String> {
    let root = root.display().to_string();
    reader
        .map(|found| match found {
            Ok(record) => format!("{} {}", record.num, record.text_at(&["eventID"]).unwrap()),
            Err(error) => error.to_string().replace(&root, "ROOT"),
        })
        .collect()
}

#[test]
fn files_come_in_the_order_of_their_names() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let write = |name: &str, bytes: &[u8]| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    write("b.json", record("b1", 1).as_bytes());
    write("b/x.json.gz", &gzip(format!("{{\"Records\":[{}]}}", record("bx", 1)).as_bytes()));
    write("a.jsonl", format!("{}\n{}", record("a1", 1), record("a2", 1)).as_bytes());
    write("c/d/y.json", b"[1]");
    write("c/e.json", record("e", 1).as_bytes());
    write("notes.txt", b"not read");
    write("CloudTrail-Digest/z.json", b"not read");
    assert_eq!(
        told(Reader::open(&[root]).unwrap(), root),
        [
            "1 a1",
            "2 a2",
            "3 bx",
            "4 b1",
            "ROOT/c/d/y.json: record 1, byte 1: expected a record, which is a JSON object",
            "5 e"
        ]
    );
    assert_eq!(
        told(Reader::open(&[root.join("c/e.json"), root.join("b.json")]).unwrap(), root),
        ["1 e", "2 b1"]
    );
    let missing = Reader::open(&[root.join("none")]).unwrap_err();
    assert!(matches!(&missing, ReadError::File { path, .. } if path.ends_with("none")), "{missing}");
}

#[test]
fn damaged_gzip_gives_what_came_before() {
    // Text that does not pack well, so that there is something before the cut.
    let noise: String =
        (0_u64..20_000).map(|n| char::from(b'a' + u8::try_from((n * n / 7) % 26).unwrap())).collect();
    let text = format!("{}\n{{\"x\":\"{noise}\"}}\n{}", record("a", 1), record("b", 2));
    let mut packed = gzip(text.as_bytes());
    packed.truncate(packed.len() / 2);
    let found = told(Reader::of_bytes("part.gz", packed), Path::new("-"));
    assert_eq!(found.first().map(String::as_str), Some("1 a"));
    let last = found.last().unwrap();
    assert!(last.starts_with("cannot read part.gz: the gzip data is damaged: "), "{last}");
}

#[test]
fn a_gzip_bomb_ends_at_the_limit() {
    let packed = gzip(&vec![b' '; 10 << 20]);
    assert!(packed.len() < 1 << 20);
    let (plain, cut) = unpacked(packed, 1 << 20);
    assert_eq!(plain.len(), 1 << 20);
    assert_eq!(cut.unwrap().to_string(), "more than 1048576 bytes once unpacked");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        exercise(&bytes);
    }

    #[test]
    fn any_text_near_records_is_read_without_panic(
        text in r#"([\[\]{}:,"\\ \n]|"Records"|"eventTime":"1970-01-01T00:00:00Z"|"eventType":"x"|\{"eventVersion"|1|null){0,60}"#
    ) {
        exercise(text.as_bytes());
    }

    /// Cutting a document anywhere loses no record that ends before the cut.
    #[test]
    fn a_cut_document_gives_its_whole_records(cut in 0_usize..400, count in 1_usize..4) {
        let records: Vec<String> = (0..count).map(|at| record(&at.to_string(), 1)).collect();
        let text = format!("{{\"Records\":[{}]}}", records.join(","));
        let cut = cut.min(text.len());
        let length = records.first().unwrap().len() + 1;
        let whole = (cut + 1).saturating_sub("{\"Records\":[".len()) / length;
        let found = Records::new(text.as_bytes().get(..cut).unwrap()).flatten().count();
        prop_assert_eq!(found, whole.min(count));
    }
}
