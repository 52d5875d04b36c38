//! Transformers: what they give, which arguments they take.

use crate::support::check;

const ONE_ARGUMENT: &str = r#"
tolower(proc.exepath) = '/opt/my app/myexe' | open | true
tolower(proc.name) = myexe | open | true
toupper(proc.name) = MYEXE | open | true
toupper(proc.name) = myexe | open | false
toupper(tolower(proc.name)) = MYEXE | open | true
tolower(toupper(proc.name)) = MYEXE | open | false
toupper( proc.name ) = MYEXE | open | true
toupper(proc.name) contains YEX | open | true
toupper(proc.name) in (MYEXE, BASH) | open | true
toupper(proc.name) exists | open | true
toupper(fd.name) exists | exec | false
basename(fd.name) = file_to_run | open | true
basename(fd.name) = /tmp/file_to_run | open | false
basename(fd.directory) = tmp | open | true
basename(proc.name) = myexe | open | true
basename(proc.cwd) = '' | open | true
toupper(basename(fd.name)) = FILE_TO_RUN | open | true
basename(toupper(fd.name)) = FILE_TO_RUN | open | true
len(fd.name) = 16 | open | true
len(fd.name) > 3 | open | true
len(fd.name) in (15, 16) | open | true
len(proc.name) = 5 | open | true
len(basename(fd.name)) = 11 | open | true
len(evt.buffer) = 12 | receive | true
len(evt.rawarg.data) = 12 | receive | refused: cannot stand in a transformer
len(fd.name) = abc | open | refused: not an integer
len(fd.name) contains 1 | open | refused: not supported for integer
tolower(proc.pid) = 5 | open | refused: takes text
toupper(evt.rawres) = -1 | open | refused: takes text
b64(evt.rawres) = -1 | open | refused: takes text
basename(fd.sip) = a | connect4 | refused: takes text
len(proc.pid) = 2 | open | refused: takes text
tolower() = a | open | refused: expected a field
tolower(proc.name, proc.exe) = a | open | refused: expected ')'
tolower("abc") = abc | open | refused: expected a field
nosuch(proc.name) = a | open | refused: no such transformer
toupper(fd.ip) = A | connect4 | refused: cannot stand in a transformer
"#;

const BASE64: &str = r#"
b64(concat("aGVs", "bG8=")) = hello | open | true
b64(concat("aGVs", "bG8")) = hello | open | true
b64(concat("d29y", "bGQgIQ==")) = 'world !' | open | true
b64(join("W", ("YWFhL", "JiYg"))) = aaa-bbb | open | true
b64(concat("YWFh", "YmJi")) = aaabbb | open | true
b64(concat("", "")) = '' | open | true
b64(concat("!!", "!")) exists | open | false
b64(concat("a", "")) exists | open | false
b64(concat("aGVs", " bG8=")) exists | open | false
b64(proc.name) exists | open | false
b64(b64(concat("YUdWc2JH", "OD0="))) = hello | open | true
b64(evt.buffer) exists | receive | false
tolower(b64(concat("QUJD", ""))) = abc | open | true
"#;

const JOIN: &str = r#"
join("-", (fd.name, fd.directory)) = /tmp/file_to_run-/tmp | open | true
join(fd.name, (fd.name, fd.directory)) = /tmp/file_to_run/tmp/file_to_run/tmp | open | true
join("-", ("aaa", "bbb")) = aaa-bbb | open | true
join('->', ('aaa', 'bbb')) = aaa->bbb | open | true
join("->", ("aaa")) = aaa | open | true
join(",", ("aaa", "bbb")) = "aaa,bbb" | open | true
join(",", ("aaa", "bbb")) = aaa-bbb | open | false
join(",", ()) = "" | open | true
join(",", ()) = "," | open | false
join("->", (fd.name, "aaa", fd.directory)) = /tmp/file_to_run->aaa->/tmp | open | true
join("->", (toupper(fd.name), "aaa")) = /TMP/FILE_TO_RUN->aaa | open | true
join("-", (fd.directory, join("+", ("a", toupper(proc.name))))) = /tmp-a+MYEXE | open | true
join(",", (evt.num, evt.num)) = "42,42" | open | true
join(",", (proc.name, proc.pid)) = "myexe,50" | open | true
join("-", (proc.pid, 123)) = 50-123 | open | true
join("-", (fd.sip, fd.sport)) = 142.251.111.147-443 | connect4 | true
join("-", (evt.is_open_write, -5)) = true--5 | open | true
join("-", (fd.name, proc.name)) exists | exec | false
join("-", (fd.name, proc.name)) != x | exec | false
toupper(join("-", ("aaa", "bbb"))) = AAA-BBB | open | true
len(join("-", (fd.name, fd.directory))) = 21 | open | true
len(join("-", ("aaa", "bbb"))) = 7 | open | true
join("-", ("a", "b")) in (a-b, c) | open | true
join("-", ("a", "b")) startswith a | open | true
join("-") = foo | open | refused: a separator and a list
join("-", "a", "b") = foo | open | refused: a separator and a list
join("a", "b") = foo | open | refused: must be a list
join(("a", "b"), ("a", "b")) = foo | open | refused: must not be a list
join(fd.types, ("a", "b")) = foo | open | refused: must not be a list
join(("a", "b"), "a") = foo | open | refused: must not be a list
join() = foo | open | refused: expected a field or a transformer
join("-", (proc.nosuch, "a")) = foo | open | refused: unknown field
"#;

const CONCAT: &str = r#"
concat(fd.name, fd.directory) = /tmp/file_to_run/tmp | open | true
concat("aaa", "bbb") = aaabbb | open | true
concat("aaa", "bbb", "ccc") = aaabbbccc | open | true
concat("a", 1) = a1 | open | true
concat(toupper(fd.name), "aaa") = /TMP/FILE_TO_RUNaaa | open | true
concat("aaa", toupper(proc.name)) = aaaMYEXE | open | true
concat(fd.directory, concat("aaa", toupper(proc.name))) = /tmpaaaMYEXE | open | true
concat("aaa", "bbb") = aaa-bbb | open | false
concat(fd.rproto, ":", fd.lproto) in (443:54321) | connect4 | true
concat(fd.name, "x") exists | exec | false
len(concat(fd.name, fd.directory)) = 20 | open | true
toupper(tolower(concat(fd.name, fd.directory))) = /TMP/FILE_TO_RUN/TMP | open | true
toupper(concat(fd.name, fd.directory)) contains /TMP | open | true
proc.name = concat("my", "exe") | open | true
concat("my", "exe") = val(proc.name) | open | true
concat() = foo | open | refused: expected a field or a transformer
concat("aaa") = foo | open | refused: two texts or more
concat(fd.types, "a") = foo | open | refused: takes texts, found a list
concat(("a", "b"), "a") = foo | open | refused: takes texts, found a list
concat(proc.pid, "a") = foo | open | refused: takes texts, found integer
concat(fd.rip, ":") = foo | connect4 | refused: takes texts, found address
concat(len(proc.name), "a") = foo | open | refused: takes texts, found integer
"#;

const GETOPT: &str = r#"
getopt(("-n", ""), "n") intersects (n) | open | true
getopt(("-t", "hello"), "t:") intersects (t) | open | true
getopt(("-t", "hello"), "t:") intersects (hello) | open | true
getopt(("-t", "hello"), "t:") in (t, hello, x) | open | true
getopt(("-t", "hello"), "t:") in (t) | open | false
getopt(("-nt", "hello"), "nt:") in (n, t, hello) | open | true
getopt(("-thello"), "t:") in (t, hello) | open | true
getopt(("-n", "-t", "hello"), "nt:") in (n, t, hello) | open | true
getopt(("-n"), "n") intersects (t) | open | false
getopt(("-n", "--", "-t"), "nt:") in (n) | open | true
getopt(("--", "-n"), "n") intersects (n) | open | false
getopt(("--exec", "-n"), "n") in (n) | open | true
getopt(("-x", "-n"), "n") intersects (x) | open | false
getopt(("-x", "-n"), "n") in ("?", n) | open | true
getopt(("stop", "-n"), "n") intersects (n) | open | false
getopt(("-", "-n"), "n") intersects (n) | open | false
getopt(("", "-n"), "n") intersects (n) | open | false
getopt(("-l", "-p", "8080", "-e", "/bin/sh"), "lp:e:") in (l, p, 8080, e, /bin/sh) | open | true
getopt(("-lpe", "/bin/sh"), "lp:e:") in (l, p, e) | open | true
getopt(("-lpe", "/bin/sh"), "lpe:") intersects (/bin/sh) | open | true
getopt(("-nat", "hello"), "na:t") in (n, a, t) | open | true
getopt(("-abcvalue"), "abc:") in (a, b, c, value) | open | true
getopt(("-t"), "t:") in ("") | open | true
getopt(("-t", ""), "t:") in (t, "") | open | true
getopt(("-t", "-123"), "t:") in (t, -123) | open | true
getopt(("-n", "-t"), "") in ("?") | open | true
getopt(("a", "b"), "n") intersects (n) | open | false
getopt(("a", "b"), "n") in (n) | open | true
getopt(("a", "b"), "n") exists | open | true
getopt(("-1", "-2"), "12") in (1, 2) | open | true
getopt(("-n-t"), "nt") intersects (t) | open | true
getopt(("-t", "a", "-t", "b"), "t:") in (t, a, b) | open | true
# with an option in brackets: the value of its last use
getopt(("-t", "a", "-t", "b"), "t:")[t] = b | open | true
getopt(("-t", "hello"), "t:")[t] = hello | open | true
getopt(("-n"), "n")[n] = n | open | true
getopt(("-n"), "nt:")[t] exists | open | false
getopt(("-n"), "nt:")[t] != x | open | false
getopt(("-t"), "t:")[t] = '' | open | true
getopt(("-vt", "/etc"), "vt:")[t] startswith /etc | open | true
toupper(getopt(("-t", "hello"), "t:")[t]) = HELLO | open | true
len(getopt(("-t", "hello"), "t:")) = 2 | open | true
len(getopt(("a"), "t:")) = 0 | open | true
toupper(getopt(("-t", "hello"), "t:")) in (T, HELLO) | open | true
join("+", getopt(("-t", "hello"), "t:")) = t+hello | open | true
# the arguments of a process are a list here
getopt(proc.args, "nt:") in (n, t, value) | open | true
getopt(proc.args, "nt:")[t] = value | open | true
getopt(proc.args, "n")[n] = n | open | true
getopt((proc.args[0], proc.args[1], proc.args[2]), "nt:")[t] = value | open | true
getopt((proc.args[0], proc.args[9]), "nt:")[n] exists | open | false
getopt(proc.args, "nt:") contains n | open | refused: not supported for lists
getopt(proc.args, "nt:") = n | open | refused: not supported for lists
getopt(proc.args, "nt:")[tt] = n | open | refused: one letter
getopt(("a")) intersects (n) | open | refused: a list of arguments and the known options
getopt(("a"), "n", "extra") intersects (n) | open | refused: a list of arguments and the known options
getopt("text", "n") intersects (n) | open | refused: must be a list
getopt(proc.name, "n") intersects (n) | open | refused: must be a list
getopt(("-n"), ("n")) intersects (n) | open | refused: must not be a list
getopt() intersects (n) | open | refused: expected a field or a transformer
"#;

#[test]
fn one_argument() {
    assert!(check(ONE_ARGUMENT) >= 35);
}

#[test]
fn base64() {
    assert!(check(BASE64) >= 13);
}

#[test]
fn join_and_concat() {
    assert!(check(JOIN) + check(CONCAT) >= 50);
}

#[test]
fn getopt() {
    assert!(check(GETOPT) >= 55);
}
