// Files, child processes and worker threads as a Node app uses them.
const { spawnSync, spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { Worker, isMainThread, parentPort } = require("node:worker_threads");

if (!isMainThread) {
  let good = 0;
  for (let i = 0; i < 300; i++) {
    fs.closeSync(fs.openSync("/dev/null", "w"));
    good++;
  }
  parentPort.postMessage(good);
} else {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "app-"));
  const workers = [1, 2, 3].map(() => new Promise((done) => new Worker(__filename).on("message", done)));
  Promise.all(workers).then(async (counts) => {
    console.log("opens:", counts.join(" "));
    const names = [...Array(100).keys()].map((number) => path.join(directory, String(number)));
    await Promise.all(names.map((name) => fs.promises.writeFile(name, name)));
    await Promise.all(names.map((name) => fs.promises.rename(name, name + ".new")));
    console.log("files:", fs.readdirSync(directory).length);
    fs.rmSync(directory, { recursive: true });
    console.log("child:", spawnSync("/bin/sh", ["-c", "exit 12"]).status);
    const sleeper = spawn("sleep", ["100"]);
    sleeper.on("exit", (code, signal) => {
      console.log("sleeper:", code, signal);
      process.exitCode = 8;
    });
    sleeper.kill("SIGTERM");
  });
}
