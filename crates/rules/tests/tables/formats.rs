//! Outputs: `output | event | text`, the values beside the text, and what is no output.

use serde_json::json;

use crate::support::{event, ruleset};

/// `~` in a text stands for a blank at its end.
const SHOWN: &str = r#"
plain text | open | plain text
%proc.name | open | myexe
a=%proc.name b=%proc.pid. | open | a=myexe b=50.
%proc.name%proc.pid | open | myexe50
(%proc.name) [%fd.name] | open | (myexe) [/tmp/file_to_run]
%fd.name | exec | <NA>
%evt.res %evt.rawres | attempt | <NA> <NA>
%evt.res %evt.rawres | failed | ENOENT -2
# widths pad and cut
%8proc.name| | open | myexe   |
%2proc.name| | open | my|
%5proc.name| | open | myexe|
%0proc.name| | open | myexe|
%6fd.name| | exec | <NA>  |
%12evt.num. | open | 42          .
# arguments
%proc.aname[1] %proc.aname[2] %proc.aname[9] | open | bash init <NA>
%proc.aname | open | bash,init
%proc.env[HOME]:%proc.env[NONE] | open | /root:<NA>
%proc.args[2] of %proc.args | open | value of -n -t value rest
%container.mount.dest[/proc*] %container.label.app | open | /host/proc shop
%evt.arg.flags %evt.arg[0] | open | O_CREAT|O_RDWR 3
# the longest name that is a field wins
%fd.name.txt | open | /tmp/file_to_run.txt
%proc.name.exe | open | myexe.exe
%proc.exepath/x | open | /opt/My App/myexe/x
%proc.names | open | myexes
%proc.name[0] | open | myexe[0]
%proc.name[ | open | myexe[
%user.name's | open | root's
# transformers
%toupper(proc.name)! | open | MYEXE!
%10toupper(proc.name)| | open | MYEXE     |
%join("-", (proc.name, proc.pid)) %concat("a", "b") | open | myexe-50 ab
%len(fd.name) %basename(fd.name) | open | 16 file_to_run
%getopt(proc.args, "nt:")[t] | open | value
%getopt(proc.args, "nt:") | open | (n,t,value)
%getopt(("a"), "n") | open | ()
%tolower(fd.name) | exec | <NA>
# times, and numbers in their forms
%evt.time | open | 22:13:21.000000005
%evt.time.s | open | 22:13:21
%evt.time.iso8601 | open | 2023-11-14T22:13:21.000000005+0000
%evt.datetime | open | 2023-11-14 22:13:21.000000005
%evt.datetime.s | open | 2023-11-14 22:13:21
%evt.rawtime %evt.rawtime.s %evt.rawtime.ns | open | 1700000001000000005 1700000001 000000005
%evt.latency %evt.latency.ns %evt.latency.human | open | 0 000000000 0ns
%fd.dev %fd.dev.major %fd.dev.minor %fd.ino | open | 8000FE 8 254 1234
%evt.is_open_write %proc.is_sid_leader | open | true false
%fd.sip:%fd.sport %fd.cip | connect4 | 142.251.111.147:443 10.1.2.3
%fd.sip %fd.lip | connect6 | 2001:4860:4860::8888 2001:db8::1
%fd.sip | mapped | 192.0.2.7
%evt.buffer | receive | hello..world
%user.loginuid %proc.tty | open | -1 34816
# arguments with what they mean
%evt.args | open | fd=3(<f>/tmp/file_to_run) dirfd=-100 name=/tmp/file_to_run flags=66(O_CREAT|O_RDWR) mode=0755
%evt.info | failed | fd=-2(ENOENT) dirfd=-100 name=missing(/tmp/missing) flags=66(O_CREAT|O_RDWR) mode=0755
%evt.args | rename | res=0 oldpath=a(/opt/a) newpath=/etc/b
%evt.args | attempt | dirfd=-100 name=/etc/shadow flags=66(O_CREAT|O_RDWR) mode=0755
# removed by Falco, with a warning
a %container.info b | open | a  b
# fields of other places
%ecs.cluster/%ecs.task.id %ecs.service | open | prod/abc <NA>
%k8s.ns.name %k8s.pod.label.app | open | <NA> <NA>
50 percent is no %proc.name | open | 50 percent is no myexe
*%proc.name | open | *myexe
"#;

#[test]
fn texts() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in SHOWN.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (rest, expected) = line.rsplit_once(" | ").unwrap();
        // A bar at the end of an output belongs to it.
        let (output, name) = rest.rsplit_once(" | ").unwrap();
        count += 1;
        let found = fill(output, name).map(|(text, _)| text);
        if found.as_deref() != Ok(expected) {
            wrong.push(format!("{line}\n    found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 55, "{count}");
}

fn fill(output: &str, name: &str) -> Result<(String, serde_json::Map<String, serde_json::Value>), String> {
    let ruleset = ruleset("evt.num exists", output)?;
    let rule = ruleset.find("r").ok_or("no rule")?;
    let detection = ruleset.detection(rule, &event(name), "producer", "host").ok_or("no detection")?;
    Ok((detection.output, detection.output_fields))
}

#[test]
fn values_keep_their_types_and_names_as_written() {
    for (output, name, expected) in [
        ("%proc.pid %proc.name", "open", json!({"proc.pid": 50, "proc.name": "myexe"})),
        ("%fd.name", "exec", json!({"fd.name": null})),
        ("%evt.is_open_write", "open", json!({"evt.is_open_write": true})),
        ("%evt.rawres", "failed", json!({"evt.rawres": -2})),
        ("%fd.sip %fd.sport", "connect4", json!({"fd.sip": "142.251.111.147", "fd.sport": 443})),
        ("%proc.aname[1]", "open", json!({"proc.aname[1]": "bash"})),
        ("%evt.arg.flags", "open", json!({"evt.arg.flags": "O_CREAT|O_RDWR"})),
        ("%20proc.name", "open", json!({"proc.name": "myexe"})),
        ("%toupper(proc.name)", "open", json!({"toupper(proc.name)": "MYEXE"})),
        ("%len(fd.name)", "open", json!({"len(fd.name)": 16})),
        ("%getopt(proc.args, 'n')", "open", json!({"getopt(proc.args, 'n')": ["n", "?"]})),
        ("%evt.time", "open", json!({"evt.time": 1_700_000_001_000_000_005_u64})),
        ("%evt.time.s", "open", json!({"evt.time.s": 1_700_000_001_000_000_005_u64})),
        ("%evt.time.iso8601", "open", json!({"evt.time.iso8601": 1_700_000_001_000_000_005_u64})),
        ("%evt.datetime", "open", json!({"evt.datetime": 1_700_000_001_000_000_005_u64})),
        ("%evt.rawtime.ns", "open", json!({"evt.rawtime.ns": 5})),
        ("%fd.dev", "open", json!({"fd.dev": "8000FE"})),
        ("%fd.name.txt", "open", json!({"fd.name": "/tmp/file_to_run"})),
        ("%container.info", "open", json!({})),
        ("%user.loginname %user.loginuid", "open", json!({"user.loginname": null, "user.loginuid": -1})),
        ("no field", "open", json!({})),
    ] {
        let (_, fields) = fill(output, name).unwrap();
        assert_eq!(serde_json::Value::Object(fields), expected, "{output}");
    }
}

#[test]
fn what_is_no_output_is_refused() {
    for (output, part) in [
        ("100%", "names no field"),
        ("%", "names no field"),
        ("%12", "names no field"),
        ("%%proc.name", "names no field"),
        ("% proc.name", "names no field"),
        ("%nosuch.field", "unknown field"),
        ("%name", "names no field"),
        ("%proc.aname[x]", "must be a number"),
        ("%evt.arg", "needs an argument"),
        ("%container.mount", "needs an argument"),
        ("%99999proc.name", "a width of more than"),
        ("%fd.ip", "only in conditions"),
        ("%fd.net", "only in conditions"),
        ("%fd.port", "only in conditions"),
        ("%evt.around[1]", "only in conditions"),
        ("%toupper(proc.pid)", "takes text"),
        ("%join('-')", "a separator and a list"),
        ("%toupper(nosuch.field)", "unknown field"),
    ] {
        let message = ruleset("evt.num exists", output).err().unwrap_or_else(|| panic!("{output} loads"));
        assert!(message.contains(part), "{output}: {message}");
    }
}
