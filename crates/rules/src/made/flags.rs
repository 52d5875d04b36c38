//! Names of flags and the bits they stand for.

use fargard_model::event::ArgValue;

/// Flags of open (include/uapi/asm-generic/fcntl.h), as on x86-64.
const OPEN: [(&str, u64); 12] = [
    ("O_RDONLY", 0),
    ("O_WRONLY", 0o1),
    ("O_RDWR", 0o2),
    ("O_CREAT", 0o100),
    ("O_EXCL", 0o200),
    ("O_TRUNC", 0o1_000),
    ("O_APPEND", 0o2_000),
    ("O_NONBLOCK", 0o4_000),
    ("O_DIRECTORY", 0o200_000),
    ("O_NOFOLLOW", 0o400_000),
    ("O_CLOEXEC", 0o2_000_000),
    ("O_TMPFILE", 0o20_200_000),
];

/// Bits of a file's mode (include/uapi/linux/stat.h).
const MODE: [(&str, u64); 12] = [
    ("S_ISUID", 0o4_000),
    ("S_ISGID", 0o2_000),
    ("S_ISVTX", 0o1_000),
    ("S_IRUSR", 0o400),
    ("S_IWUSR", 0o200),
    ("S_IXUSR", 0o100),
    ("S_IRGRP", 0o40),
    ("S_IWGRP", 0o20),
    ("S_IXGRP", 0o10),
    ("S_IROTH", 0o4),
    ("S_IWOTH", 0o2),
    ("S_IXOTH", 0o1),
];

/// Whether an argument of that name is shown by names joined with `|`.
pub(super) fn is_flags(name: &str) -> bool {
    matches!(name, "flags" | "mode" | "request" | "cmd" | "domain" | "type")
}

/// The names with the bits that are known of them.
pub(super) fn value(name: &str, names: &str) -> ArgValue {
    let table: &[(&str, u64)] = if name == "mode" { &MODE } else { &OPEN };
    let bit = |word: &str| table.iter().find(|(known, _)| *known == word.trim()).map_or(0, |(_, bit)| *bit);
    ArgValue::Flags(names.split('|').map(bit).fold(0, |bits, bit| bits | bit), names.to_owned().into())
}
