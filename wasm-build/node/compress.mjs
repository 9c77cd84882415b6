/** Compress files: `node compress.mjs <brotli quality>`, standard input is JSON lines `[source, brotli target, gzip target]`. */
import { readFile, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const quality = Number(process.argv[2]);
const jobs = [];
for await (const line of createInterface({ input: process.stdin })) {
  const [source, br, gz] = JSON.parse(line);
  const bytes = await readFile(source);
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: quality,
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  };
  jobs.push(promisify(brotliCompress)(bytes, { params }).then((data) => writeFile(br, data)));
  jobs.push(promisify(gzip)(bytes, { level: 9 }).then((data) => writeFile(gz, data)));
}
await Promise.all(jobs);
