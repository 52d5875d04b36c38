//! Reading what a container writes, line by line.

use std::{
    io::{BufRead, BufReader, PipeReader},
    sync::{Arc, mpsc},
    thread,
};

use crate::observer::{Observation, Observer, Stream};

/// Longest line handed on in one piece, as container runtimes have it.
const MAX_LINE: usize = 16 << 10;

/// Hands on what comes out of the pipe until every writer has closed it; the channel then closes.
pub(crate) fn start(
    container: String,
    stream: Stream,
    pipe: PipeReader,
    observer: Arc<dyn Observer>,
) -> std::io::Result<mpsc::Receiver<()>> {
    let (done, ended) = mpsc::channel::<()>();
    thread::Builder::new().name("output".to_owned()).spawn(move || {
        let _done = done;
        lines(BufReader::new(pipe), |line| {
            observer.observe(&Observation::Output { container: container.clone(), stream, line });
        });
    })?;
    Ok(ended)
}

fn lines(mut reader: impl BufRead, mut hand_on: impl FnMut(Vec<u8>)) {
    let mut line = Vec::new();
    loop {
        let (used, complete) = match reader.fill_buf() {
            Ok([]) => break,
            Ok(bytes) => {
                let room = bytes.get(..MAX_LINE - line.len()).unwrap_or(bytes);
                match memchr_newline(room) {
                    Some(at) => {
                        line.extend_from_slice(room.get(..at).unwrap_or_default());
                        (at + 1, true)
                    }
                    None => {
                        line.extend_from_slice(room);
                        (room.len(), line.len() >= MAX_LINE)
                    }
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        reader.consume(used);
        if complete {
            hand_on(std::mem::take(&mut line));
        }
    }
    if !line.is_empty() {
        hand_on(line);
    }
}

fn memchr_newline(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n')
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::{MAX_LINE, lines};

    fn collect(bytes: &[u8], buffer: usize) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        lines(BufReader::with_capacity(buffer, bytes), |line| all.push(line));
        all
    }

    #[test]
    fn the_last_line_needs_no_end_and_long_lines_come_in_pieces() {
        assert_eq!(collect(b"a\n\nb", 2), [b"a".to_vec(), b"".to_vec(), b"b".to_vec()]);
        let long = vec![b'x'; MAX_LINE + 5];
        let sizes: Vec<usize> = collect(&long, 1000).iter().map(Vec::len).collect();
        assert_eq!(sizes, [MAX_LINE, 5]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "[a-c\n]{0,200}", buffer in 1_usize..64) {
            let got: Vec<String> =
                collect(text.as_bytes(), buffer).into_iter().map(|line| String::from_utf8(line).unwrap()).collect();
            let expected: Vec<String> = text.lines().map(str::to_owned).collect();
            prop_assert_eq!(got, expected);
        }
    }
}
