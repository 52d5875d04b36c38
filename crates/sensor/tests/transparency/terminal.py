"""A person at a terminal: an interactive shell with job control, its command given as arguments. Each step waits for
the text that ends it. Prints what the terminal showed, without what changes from run to run."""
import os
import pty
import re
import select
import sys
import termios
import time

PROMPT = "prompt$ "
# What is typed, and the text that ends the step; without one, the end of everything does.
STEPS = [
    ("echo at $((40+2))\n", "at 42"),
    ("tty | grep -c pts; stty -a | grep -o 'isig icanon'\n", "isig icanon"),
    ("sh -c 'echo sleeps$((1)); exec sleep 300'\n", "sleeps1"),
    ("\x1a", "Stopped"),
    ("jobs | grep -c Stopped; echo s$((1))\n", "s1"),
    ("bg; echo b$((1))\n", "b1"),
    ("fg\n", "exec sleep 300"),
    ("FOREGROUND", ""),
    ("\x03", PROMPT),
    ("echo code $?\n", "code 130"),
    ("(exit 5); echo code $?\n", "code 5"),
    # A signal just before the prompt is looked at only after the next line.
    ("trap 'echo resized' WINCH; echo w$((1))\n", "w1\r\n" + PROMPT),
    ("WINCH", "resized"),
    ("sleep 0.1 & wait $!; echo waited $?\n", "waited 0"),
    ("cat <(echo process substitution)\n", "process substitution\r"),
    ("exit 21\n", None),
]


def read_until(terminal, text, shown, limit):
    """Reads until the text appears behind what was shown before."""
    start, until = len(shown), time.monotonic() + limit
    while time.monotonic() < until:
        ready, _, _ = select.select([terminal], [], [], 0.05)
        if ready:
            try:
                data = os.read(terminal, 4096)
            except OSError:
                return shown
            if not data:
                return shown
            shown += data.decode(errors="replace")
        if text is not None and text in shown[start:]:
            return shown
    if text is not None:
        sys.exit(f"never shown: {text!r} in {shown[start:]!r}")
    return shown


def wait_for_job(terminal, shell, limit):
    """`fg` names the job before it gives it the terminal: a key that comes between is the shell's."""
    until = time.monotonic() + limit
    while os.tcgetpgrp(terminal) == shell:
        if time.monotonic() > until:
            sys.exit("the job never got the terminal")
        time.sleep(0.001)


def main():
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(PS1=PROMPT, PS2="", TERM="dumb", HISTFILE="")
        os.execvp(sys.argv[1], sys.argv[1:])
    settings = termios.tcgetattr(terminal)
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, settings)
    shown, answers = "", []
    shown = read_until(terminal, PROMPT, shown, 20)
    for keys, expected in STEPS:
        if keys == "WINCH":
            termios.tcsetwinsize(terminal, (50, 100))
        elif keys == "FOREGROUND":
            wait_for_job(terminal, child, 20)
        else:
            os.write(terminal, keys.encode())
        before = len(shown)
        shown = read_until(terminal, expected, shown, 20)
        answers.append((keys, "" if expected is None else expected.strip(), expected is None or expected in shown[before:]))
    _, status = os.waitpid(child, 0)
    for answer in answers:
        print(*answer)
    print("exit", os.waitstatus_to_exitcode(status))
    print("bell or error:", bool(re.search("cannot set terminal|no job control", shown)))


main()
