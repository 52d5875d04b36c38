//! Instructions of classic BPF as far as a seccomp filter needs them (`linux/filter.h`, `linux/seccomp.h`).

use std::fmt::Write as _;

/// Loads the word at offset `k` of `struct seccomp_data`.
const LOAD: u16 = 0x20;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER: u16 = 0x25;
const JUMP_AT_LEAST: u16 = 0x35;
const JUMP_ANY_BIT: u16 = 0x45;
const GOTO: u16 = 0x05;
const AND: u16 = 0x54;
const RETURN: u16 = 0x06;

/// `SECCOMP_RET_ALLOW`.
pub(crate) const ALLOW: u32 = 0x7fff_0000;
/// `SECCOMP_RET_USER_NOTIF`.
pub(crate) const NOTIFY: u32 = 0x7fc0_0000;
/// `SECCOMP_RET_TRACE`.
pub(crate) const TRACE: u32 = 0x7ff0_0000;

/// One instruction: operation, jump offsets for true and false, operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) code: u16,
    pub(crate) if_true: u8,
    pub(crate) if_false: u8,
    pub(crate) k: u32,
}

/// What a conditional jump compares the accumulator with `k` for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    AtLeast,
    Greater,
    AnyBit,
}

impl Instruction {
    pub(crate) fn load(offset: u32) -> Self {
        Self { code: LOAD, if_true: 0, if_false: 0, k: offset }
    }

    pub(crate) fn ret(action: u32) -> Self {
        Self { code: RETURN, if_true: 0, if_false: 0, k: action }
    }

    /// Keeps of the accumulator the bits of the mask.
    pub(crate) fn and(mask: u32) -> Self {
        Self { code: AND, if_true: 0, if_false: 0, k: mask }
    }

    /// Leaves out the next `k` instructions.
    pub(crate) fn goto(k: usize) -> Self {
        Self { code: GOTO, if_true: 0, if_false: 0, k: k as u32 }
    }

    pub(crate) fn jump(compare: Compare, k: u32, if_true: u8, if_false: u8) -> Self {
        let code = match compare {
            Compare::Equal => JUMP_EQUAL,
            Compare::Greater => JUMP_GREATER,
            Compare::AtLeast => JUMP_AT_LEAST,
            Compare::AnyBit => JUMP_ANY_BIT,
        };
        Self { code, if_true, if_false, k }
    }
}

/// A filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Program(pub(crate) Vec<Instruction>);

impl Program {
    /// The same filter with another action for the calls it selects.
    pub(crate) fn with_action(&self, action: u32) -> Self {
        let replace = |instruction: &Instruction| match *instruction {
            Instruction { code: RETURN, k, .. } if k != ALLOW => Instruction::ret(action),
            other => other,
        };
        Self(self.0.iter().map(replace).collect())
    }

    /// As bytes, for another process of the same build.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * 8);
        for one in &self.0 {
            bytes.extend_from_slice(&one.code.to_ne_bytes());
            bytes.extend_from_slice(&[one.if_true, one.if_false]);
            bytes.extend_from_slice(&one.k.to_ne_bytes());
        }
        bytes
    }

    /// Reads what [`Program::encode`] wrote; a rest shorter than an instruction is left out.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let (instructions, _) = bytes.as_chunks::<8>();
        let decode = |&[c0, c1, if_true, if_false, k0, k1, k2, k3]: &[u8; 8]| Instruction {
            code: u16::from_ne_bytes([c0, c1]),
            if_true,
            if_false,
            k: u32::from_ne_bytes([k0, k1, k2, k3]),
        };
        Self(instructions.iter().map(decode).collect())
    }

    /// One line an instruction, for people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (line, one) in self.0.iter().enumerate() {
            let jump = |word: &str| {
                let target = |offset: u8| line + 1 + usize::from(offset);
                format!("if {word} {:#x} goto {} else {}", one.k, target(one.if_true), target(one.if_false))
            };
            let body = match one.code {
                LOAD => format!("load {}", field(one.k)),
                AND => format!("and {:#x}", one.k),
                JUMP_EQUAL => jump("=="),
                JUMP_GREATER => jump(">"),
                JUMP_AT_LEAST => jump(">="),
                JUMP_ANY_BIT => jump("&"),
                GOTO => format!("goto {}", line + 1 + one.k as usize),
                _ if one.k == ALLOW => "allow".to_owned(),
                _ => "stop".to_owned(),
            };
            let _ = writeln!(text, "{line:4}  {body}");
        }
        text
    }
}

/// Name of a word of `struct seccomp_data`.
fn field(offset: u32) -> String {
    match offset {
        0 => "number".to_owned(),
        4 => "architecture".to_owned(),
        _ => {
            let at = offset.saturating_sub(16);
            format!("argument {} {} half", at / 8, if at.is_multiple_of(8) { "low" } else { "high" })
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{
        AND, GOTO, JUMP_ANY_BIT, JUMP_AT_LEAST, JUMP_EQUAL, JUMP_GREATER, LOAD, NOTIFY, Program, RETURN,
        TRACE,
    };

    /// What came of running a filter.
    pub(in super::super) struct Ran {
        pub(in super::super) action: u32,
        /// Instructions that were executed.
        pub(in super::super) steps: usize,
        /// It looked at more than number and architecture.
        pub(in super::super) loads_arguments: bool,
    }

    /// Runs a filter as the kernel would: on number, architecture and arguments.
    pub(in super::super) fn interpret(program: &Program, nr: u32, arch: u32, args: [u64; 6]) -> u32 {
        run(program, nr, arch, args).action
    }

    /// As [`interpret`], and tells how.
    pub(in super::super) fn run(program: &Program, nr: u32, arch: u32, args: [u64; 6]) -> Ran {
        let (mut at, mut accumulator, mut steps, mut loads_arguments) = (0, 0, 0, false);
        loop {
            let one = program.0[at];
            at += 1;
            steps += 1;
            let holds = match one.code {
                LOAD => {
                    accumulator = match one.k {
                        0 => nr,
                        4 => arch,
                        offset => {
                            assert!((16..64).contains(&offset) && offset % 4 == 0, "offset {offset}");
                            loads_arguments = true;
                            let arg = args[(offset as usize - 16) / 8];
                            if offset % 8 == 0 { arg as u32 } else { (arg >> 32) as u32 }
                        }
                    };
                    continue;
                }
                RETURN => return Ran { action: one.k, steps, loads_arguments },
                AND => {
                    accumulator &= one.k;
                    continue;
                }
                GOTO => {
                    at += one.k as usize;
                    continue;
                }
                JUMP_EQUAL => accumulator == one.k,
                JUMP_GREATER => accumulator > one.k,
                JUMP_AT_LEAST => accumulator >= one.k,
                JUMP_ANY_BIT => accumulator & one.k != 0,
                code => panic!("unknown instruction {code:#x}"),
            };
            at += usize::from(if holds { one.if_true } else { one.if_false });
        }
    }

    #[test]
    fn a_program_survives_its_encoding() {
        let program = super::super::filter::tests::everything();
        assert_eq!(Program::decode(&program.encode()), program);
        assert_eq!(program.with_action(TRACE).with_action(NOTIFY), program);
    }
}
