// Graphile Worker's side of the benchmark: the task that stamps its start, and the one who registers.
//
// `node graphile_stamp.mjs work` runs until SIGTERM; `… register FIRST RATE COUNT` registers tasks.
// The packages are those of the current folder. Stamps are kept and written as in
// `bench/stamping.py`: in memory, and twice a second to a file of the process's own.

import { appendFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { resolve } = createRequire(join(process.cwd(), "package.json"));
const { makeWorkerUtils, run } = await import(pathToFileURL(resolve("graphile-worker")).href);

const FLUSH_MILLISECONDS = 500;
const REGISTERED_AT_ONCE = 1_000;

const connectionString = process.env.PEERS_DATABASE;

async function work() {
  let stamps = [];
  function flush() {
    if (stamps.length > 0) {
      appendFileSync(`${process.env.BENCH_STAMPS}.${process.pid}`, stamps.join(""));
      stamps = [];
    }
  }
  setInterval(flush, FLUSH_MILLISECONDS).unref();

  const runner = await run({
    connectionString,
    preset: { worker: JSON.parse(process.env.PEERS_SETTINGS) },
    taskList: {
      stamp: ({ name, due }) => {
        // Date.now() is whole milliseconds; this clock has the microseconds too.
        const at = Math.round((performance.timeOrigin + performance.now()) * 1_000);
        stamps.push(`${name} ${due} ${at}000\n`);
      },
    },
  });
  writeFileSync(process.env.PEERS_READY, "");
  await runner.promise; // ends with SIGTERM
  flush();
}

async function register(first, rate, count) {
  const utils = await makeWorkerUtils({ connectionString });
  await utils.migrate();
  for (let start = 0; start < count; start += REGISTERED_AT_ONCE) {
    const numbers = Array.from({ length: Math.min(REGISTERED_AT_ONCE, count - start) }, (_, n) => start + n);
    const specs = numbers.map((number) => {
      const due = Math.round((first + number / rate) * 1e6) / 1e6;
      const micros = String(Math.round((due % 1) * 1e6)).padStart(6, "0");
      const run_at = new Date(Math.floor(due) * 1_000).toISOString().replace(".000Z", `.${micros}Z`);
      return { identifier: "stamp", payload: { name: String(number), due }, run_at };
    });
    // `addJobs` takes whole milliseconds; its SQL takes microseconds.
    await utils.withPgClient((client) =>
      client.query(
        "select count(*) from graphile_worker.add_jobs(array(" +
          "select json_populate_recordset(null::graphile_worker.job_spec, $1::json)))",
        [JSON.stringify(specs)],
      ),
    );
  }
  await utils.release();
}

const [verb, ...numbers] = process.argv.slice(2);
await (verb === "work" ? work() : register(...numbers.map(Number)));
