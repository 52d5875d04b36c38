//! `fargard-sensor`: what is put in front of a container's command. A thin program over the sensor library.

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use fargard_model::{Trap, TrapSet};
use fargard_sensor::{
    capture::{self, AttachMode, CallWriter, CaptureOptions, Scope},
    config::Config,
    engine,
    probe::Probe,
};
use lexopt::{
    Arg::{Long, Short, Value},
    ValueExt,
};

const USAGE: &str = "\
fargard-sensor: watches a container's command from inside

usage:
  fargard-sensor run [--stay] -- COMMAND [ARG]...
                              execute COMMAND in the place of this process, watched as FARGARD_* variables say;
                              with --stay remain its parent
  fargard-sensor attach       watch the other containers of the task (pidMode task, capability SYS_PTRACE), until
                              SIGTERM and the end of the processes that were given a filter (FARGARD_ATTACH=inject)
  fargard-sensor record [options] -- COMMAND [ARG]...
                              execute COMMAND and write down its calls, one a line
  fargard-sensor probe [--format text|json]
                              say what the kernel and the container allow, and what will work
  fargard-sensor explain [--trap CLASS[,CLASS]...] [--program]
                              show which calls the rules, or these classes, need to be stopped, and who needs
                              them; with --program also the filter itself
  fargard-sensor --version

options of record:
  --trap CLASS[,CLASS]...     classes of calls, as explain names them (default: exec,open_write)
  --backend auto|notify|trace|none
  --out FILE                  append to FILE (default: standard error)
  --ring BYTES                size of the buffer between keeper and engine
  --stay                      stay the parent of COMMAND instead of becoming it

example:
  fargard-sensor record --trap exec,connect -- sh -c 'ls /'

exit codes: those of COMMAND; 2 usage; 126 COMMAND cannot be executed; 127 COMMAND not found
";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "fargard-sensor: {error}\nTry fargard-sensor --help.");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<ExitCode, lexopt::Error> {
    let mut parser = lexopt::Parser::from_env();
    match parser.next()? {
        Some(Long("version") | Short('V')) => {
            print(&format!("fargard-sensor {}\n", env!("CARGO_PKG_VERSION")));
        }
        Some(Long("help") | Short('h')) => print(USAGE),
        Some(Value(command)) => match command.to_str() {
            Some("run") => return watched(parser),
            Some("attach") => return attach(parser),
            Some("record") => return record(parser),
            Some("probe") => return probe(parser),
            Some("explain") => return explain(parser),
            _ => return Err(format!("unknown command {command:?}").into()),
        },
        Some(other) => return Err(other.unexpected()),
        None => return Err("a command is missing".into()),
    }
    Ok(ExitCode::SUCCESS)
}

fn print(text: &str) {
    // Nobody to tell when standard output is gone.
    let _ = io::stdout().write_all(text.as_bytes());
}

fn probe(mut parser: lexopt::Parser) -> Result<ExitCode, lexopt::Error> {
    let mut json = false;
    while let Some(arg) = parser.next()? {
        match arg {
            Long("format") => match parser.value()?.string()?.as_str() {
                "json" => json = true,
                "text" => json = false,
                other => return Err(format!("--format: use text or json, not {other:?}").into()),
            },
            other => return Err(other.unexpected()),
        }
    }
    let probe = Probe::run();
    if json {
        let text = serde_json::to_string_pretty(&probe).map_err(|error| error.to_string())?;
        print(&format!("{text}\n"));
    } else {
        print(&probe.to_string());
    }
    Ok(ExitCode::SUCCESS)
}

fn traps(list: &str) -> Result<TrapSet, lexopt::Error> {
    let mut traps = TrapSet::default();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let trap: Trap =
            serde_json::from_value(serde_json::Value::String(name.to_owned())).map_err(|_| {
                let all: Vec<String> = Trap::ALL.iter().map(|trap| trap.name()).collect();
                lexopt::Error::from(format!(
                    "--trap: there is no class {name:?}; there are {}",
                    all.join(", ")
                ))
            })?;
        traps.add(trap, "--trap");
    }
    Ok(traps)
}

fn explain(mut parser: lexopt::Parser) -> Result<ExitCode, lexopt::Error> {
    let (mut set, mut program) = (TrapSet::default(), false);
    let (mut reads, mut takes_leases) = (Vec::new(), false);
    while let Some(arg) = parser.next()? {
        match arg {
            Long("trap") => set.merge(&traps(&parser.value()?.string()?)?),
            Long("program") => program = true,
            other => return Err(other.unexpected()),
        }
    }
    if set.is_empty() {
        let config = Config::from_env().map_err(|error| lexopt::Error::from(error.to_string()))?;
        let prepared = engine::prepare(&config).map_err(|error| lexopt::Error::from(error.to_string()))?;
        set.merge(prepared.traps());
        (reads, takes_leases) = (prepared.explain_reads(), prepared.takes_leases());
    }
    print(&capture::explain(&set, takes_leases, program));
    reads.iter().for_each(|line| print(&format!("{line}\n")));
    Ok(ExitCode::SUCCESS)
}

/// Executes the command, watched if at all possible: a sensor that cannot be set up is no reason to keep a
/// container's command from running.
fn watched(mut parser: lexopt::Parser) -> Result<ExitCode, lexopt::Error> {
    let mut stay = false;
    let program = loop {
        match parser.next()? {
            Some(Long("stay")) => stay = true,
            Some(Value(program)) => break program,
            Some(other) => return Err(other.unexpected()),
            None => return Err("the command to execute is missing".into()),
        }
    };
    let args: Vec<OsString> = parser.raw_args()?.collect();
    let error = match Config::from_env() {
        Ok(config) if stay => {
            return match capture::watch(&config, &config.capture_options(false), &program, &args) {
                Ok(outcome) => Ok(outcome.end_like()),
                Err(error) => Err(format!("cannot watch {}: {error}", program.display()).into()),
            };
        }
        Ok(config) => capture::exec(&config, &config.capture_options(false), &program, &args),
        Err(error) => {
            let _ = writeln!(io::stderr(), "fargard-sensor: {error}; the command runs unwatched");
            capture::exec_unwatched(&program, &args)
        }
    };
    let _ = writeln!(io::stderr(), "fargard-sensor: {error}");
    Ok(ExitCode::from(error.exit_code()))
}

/// Watches without a command of its own.
fn attach(mut parser: lexopt::Parser) -> Result<ExitCode, lexopt::Error> {
    if let Some(other) = parser.next()? {
        return Err(other.unexpected());
    }
    let text = |error: &dyn std::error::Error| lexopt::Error::from(error.to_string());
    let mut config = Config::from_env().map_err(|error| text(&error))?;
    config.scope = Scope::Task;
    config.attach.get_or_insert(AttachMode::Lifecycle);
    let options = config.capture_options(false);
    Err(text(&capture::stay(&config, &options)))
}

struct Record {
    engine: CallWriter,
    options: CaptureOptions,
    stay: bool,
    program: OsString,
    args: Vec<OsString>,
}

fn record(parser: lexopt::Parser) -> Result<ExitCode, lexopt::Error> {
    let record = Record::parse(parser)?;
    if record.stay {
        return match capture::watch(&record.engine, &record.options, &record.program, &record.args) {
            Ok(outcome) => Ok(outcome.end_like()),
            Err(error) => Err(format!("cannot watch {:?}: {error}", record.program).into()),
        };
    }
    let error = capture::exec(&record.engine, &record.options, &record.program, &record.args);
    let _ = writeln!(io::stderr(), "fargard-sensor: {error}");
    Ok(ExitCode::from(error.exit_code()))
}

impl Record {
    fn parse(mut parser: lexopt::Parser) -> Result<Self, lexopt::Error> {
        let mut set = TrapSet::default();
        let mut output = None;
        let mut options = CaptureOptions::default();
        let mut stay = false;
        let program = loop {
            match parser.next()? {
                Some(Long("trap")) => set.merge(&traps(&parser.value()?.string()?)?),
                Some(Long("backend")) => options.backend = parser.value()?.parse()?,
                Some(Long("out")) => output = Some(parser.value()?.into()),
                Some(Long("ring")) => options.ring_bytes = parser.value()?.parse()?,
                Some(Long("stay")) => stay = true,
                Some(Long("interruptible")) => options.interruptible = true,
                Some(Value(program)) => break program,
                Some(other) => return Err(other.unexpected()),
                None => return Err("the command to execute is missing".into()),
            }
        };
        let args = parser.raw_args()?.collect();
        if set.is_empty() {
            set = traps("exec,open_write")?;
        }
        options.keep_stdio = output.is_none();
        Ok(Self { engine: CallWriter { traps: set, output }, options, stay, program, args })
    }
}
