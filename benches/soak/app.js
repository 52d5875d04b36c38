// The app of `cargo xtask soak`: for each request it reads a file, writes one, asks redis and answers in JSON; now
// and then it runs a program.
const { execFile } = require("node:child_process");
const fs = require("node:fs/promises");
const http = require("node:http");
const net = require("node:net");

const [port, redis] = process.argv.slice(-2).map(Number);

function increment() {
  return new Promise((resolve, reject) => {
    const connection = net.connect(redis, "127.0.0.1", () => connection.write("INCR requests\r\n"));
    connection.once("data", (data) => {
      connection.end();
      resolve(data.toString().trim());
    });
    connection.once("error", reject);
  });
}

let requests = 0;

async function answer() {
  const number = ++requests;
  const machine = (await fs.readFile("/etc/hostname", "utf8")).trim();
  await fs.writeFile(`/tmp/state.${number}`, String(number));
  await fs.rename(`/tmp/state.${number}`, "/tmp/state");
  if (number % 100 === 0) await new Promise((resolve) => execFile("date", ["+%s"], resolve));
  return { machine, number, counted: await increment() };
}

http
  .createServer((_, response) => {
    answer().then(
      (body) => response.end(JSON.stringify(body)),
      (error) => response.writeHead(500).end(String(error)),
    );
  })
  .listen(port, "127.0.0.1");
