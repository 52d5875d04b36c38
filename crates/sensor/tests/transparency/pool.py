"""Processes, threads and signals as Python programs use them."""
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading


def write(number):
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x" * number)
        file.flush()
        return os.path.getsize(file.name)


def main():
    for method in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(4) as pool:
            print(method, sum(pool.map(write, range(100))))
    told = []
    signal.signal(signal.SIGUSR1, lambda number, frame: told.append(number))
    threads = [threading.Thread(target=lambda: [open("/dev/null", "w").close() for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        os.kill(os.getpid(), signal.SIGUSR1)
    for thread in threads:
        thread.join()
    print("told", len(told) > 0)
    print("child", subprocess.run(["sh", "-c", "echo out; echo err >&2; kill -9 $$"], capture_output=True))
    try:
        subprocess.run(["sleep", "100"], timeout=0.2)
    except subprocess.TimeoutExpired:
        print("timed out")
    sys.exit(13)


if __name__ == "__main__":
    main()
