import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { Problem } from '../../contract/problem.ts';

/** Reads all of stdin as text; at most 1 MiB. */
export async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > 1 << 20) throw new Problem('bad-input', 'More than 1 MiB came on standard input.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A secret from stdin: typed without echo on a terminal, else all of it without one trailing line break. */
export async function readSecret(prompt: string): Promise<string> {
  const value = process.stdin.isTTY ? await typeHidden(prompt) : (await readStdin()).replace(/\r?\n$/, '');
  if (value === '')
    throw new Problem('bad-input', 'No value came on standard input.', { hint: 'For example: quarterdeck secret set ENV api-key < file' });
  return value;
}

async function typeHidden(prompt: string): Promise<string> {
  process.stderr.write(prompt);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('SIGINT', () => reject(new Problem('cancelled', 'Nothing was stored.')));
      lines.once('close', () => resolve(''));
    });
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
