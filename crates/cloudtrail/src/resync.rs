//! Where to go on behind a damaged record. Each way looks at every byte at most once over a whole input.

/// How delivered records begin.
const RECORD: &[u8] = br#"{"eventVersion""#;

/// Behind the bracket that closes the one at `start`, strings taken into account; `None` when there is none.
pub(crate) fn pair(bytes: &[u8], start: usize) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' if !in_string => depth += 1,
            b'}' if !in_string => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The next line behind `at`, or the end.
pub(crate) fn line(bytes: &[u8], at: usize) -> usize {
    next(bytes, at, b"\n").map_or(bytes.len(), |found| found + 1)
}

/// The next opening brace or closing bracket behind `at`, or the end.
pub(crate) fn object(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|byte| matches!(byte, b'{' | b']')).map_or(bytes.len(), |found| at + found)
}

/// The next text behind `at` that a record may begin with, or the end.
pub(crate) fn record(bytes: &[u8], at: usize) -> usize {
    next(bytes, at, RECORD).unwrap_or(bytes.len())
}

fn next(bytes: &[u8], at: usize, wanted: &[u8]) -> Option<usize> {
    let rest = bytes.get(at..)?;
    rest.windows(wanted.len()).position(|window| window == wanted).map(|found| at + found)
}
