use fargard_model::{EventType, Outcome};

use super::{EventBuilder, MadeError};
use crate::{Subject, fields};

fn made(kind: EventType, set: &[(&str, &str)]) -> Result<fargard_model::Event, MadeError> {
    let mut builder = EventBuilder::new(kind);
    for (field, value) in set {
        builder.set(field, &[value])?;
    }
    builder.build()
}

/// Fields that are set, and others with the value that then follows.
#[test]
fn the_rest_follows_from_what_is_said() {
    for (kind, set, follows) in [
        (
            EventType::Openat,
            &[("fd.name", "/etc/shadow"), ("proc.name", "cat")][..],
            &[
                ("fs.path.name", "/etc/shadow"),
                ("evt.arg.name", "/etc/shadow"),
                ("evt.is_open_read", "true"),
                ("evt.is_open_write", "false"),
                ("fd.num", "3"),
                ("fd.typechar", "f"),
                ("fd.filename", "shadow"),
                ("proc.exepath", "/usr/bin/cat"),
                ("proc.pname", "sh"),
                ("proc.aname[2]", "init"),
                ("user.name", "root"),
                ("container.name", "web"),
            ][..],
        ),
        (
            EventType::Openat,
            &[("evt.arg.flags", "O_RDWR|O_CREAT"), ("evt.arg.name", "/x"), ("evt.res", "EACCES")],
            &[("evt.rawres", "-13"), ("evt.is_open_write", "true"), ("evt.is_open_read", "true")],
        ),
        (
            EventType::Execve,
            &[("proc.exepath", "/tmp/xmrig"), ("proc.pname", "nginx"), ("proc.args", "-o pool")],
            &[
                ("proc.name", "xmrig"),
                ("proc.exe", "/tmp/xmrig"),
                ("proc.cmdline", "xmrig -o pool"),
                ("proc.pexepath", "/usr/bin/nginx"),
            ],
        ),
        (
            EventType::Connect,
            &[("fd.sip", "1.2.3.4"), ("fd.sport", "443")],
            &[("fd.rip", "1.2.3.4"), ("fd.typechar", "4"), ("fd.l4proto", "tcp"), ("fd.name", "1.2.3.4:443")],
        ),
        (
            EventType::Connect,
            &[("fd.name", "10.0.0.2:5000->1.2.3.4:443")],
            &[("fd.lport", "5000"), ("fd.cip", "10.0.0.2"), ("fd.sport", "443")],
        ),
        (
            EventType::Listen,
            &[("fd.name", "0.0.0.0:9000")],
            &[("fd.sport", "9000"), ("fd.is_server", "true")],
        ),
        (
            EventType::Rename,
            &[("fs.path.source", "/a"), ("fs.path.target", "/b")],
            &[("evt.arg.newpath", "/b")],
        ),
        (EventType::Symlink, &[("fs.path.target", "/etc/shadow"), ("fs.path.source", "/s")], &[]),
        (EventType::Unlinkat, &[("fs.path.name", "/var/log/x")], &[("evt.arg.path", "/var/log/x")]),
        (EventType::Chmod, &[("evt.arg.mode", "S_ISUID|S_IXUSR")], &[("evt.rawarg.mode", "2112")]),
        (EventType::Setuid, &[("evt.arg.uid", "0"), ("user.uid", "33")], &[("evt.rawarg.uid", "0")]),
        (
            EventType::Execve,
            &[("proc.aname[4]", "sshd")],
            &[("proc.aname[3]", "supervisor"), ("proc.pname", "sh")],
        ),
    ] {
        let event = made(kind, set).unwrap_or_else(|error| panic!("{set:?}: {error}"));
        for (field, expected) in follows {
            let resolved = super::resolve(field).unwrap();
            let values = resolved.shown(Subject::Call(&event)).into_vec();
            assert_eq!(
                values.first().map(ToString::to_string).as_deref(),
                Some(*expected),
                "{set:?}: {field}"
            );
        }
    }
}

#[test]
fn what_cannot_be_is_refused() {
    for (set, part) in [
        (&[("proc.nam", "x")][..], "did you mean 'proc.name'"),
        (&[("proc name", "x")], "no field"),
        (&[("fd.filename", "x")], "set fd.name"),
        (&[("k8s.pod.name", "x")], "no value"),
        (&[("evt.num", "3")], "follows"),
        (&[("user.uid", "root")], "number"),
        (&[("proc.aname", "x")], "which ancestor"),
        (&[("proc.aname[99]", "x")], "32 ancestors"),
        (&[("fd.sip", "host")], "an IP address"),
        (&[("fd.name", "/a"), ("evt.arg.name", "/b")], "but with the other fields it is '/b'"),
        (&[("evt.res", "EWHAT")], "an error's name"),
        (&[("thread.cap_effective", "CAP_NONE")], "capabilities"),
        (&[("fs.path.source", "/x")], "no such path"),
    ] {
        let error = made(EventType::Openat, set).unwrap_err().to_string();
        assert!(error.contains(part), "{set:?}: {error}");
    }
}

#[test]
fn outcomes_are_chosen() {
    for (outcome, expected) in [
        ("attempt", Outcome::Attempt),
        ("success", Outcome::Confirmed(3)),
        ("EACCES", Outcome::Confirmed(-13)),
    ] {
        let mut builder = EventBuilder::new(EventType::Openat);
        builder.outcome(outcome).unwrap();
        assert_eq!(builder.build().unwrap().outcome, expected);
    }
    assert!(EventBuilder::new(EventType::Openat).outcome("maybe").is_err());
}

proptest::proptest! {
    /// Every field is set to what it was asked for, or refused: nothing is set to something else without a word.
    #[test]
    fn any_field_is_set_or_refused(index in 0..512_usize, value in "[a-z/0-9.:|>-]{0,12}", kind in 0..60_usize) {
        let all: Vec<_> = fields::all().collect();
        let field = all[index % all.len()];
        let kind = EventType::ALL[kind];
        for name in [field.name.to_owned(), format!("{}[1]", field.name), format!("{}.x", field.name)] {
            let _ = made(kind, &[(&name, &value), ("proc.name", "x")]);
        }
    }
}
