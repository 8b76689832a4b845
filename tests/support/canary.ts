import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The forms a value is likely to be written in. Base64 at each of its three alignments, without the characters its neighbours share. */
export function canaryForms(value: string): string[] {
  const bytes = Buffer.from(value);
  const base64 = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    return text.slice(offset === 0 ? 0 : offset + 1, -2);
  });
  const hex = bytes.toString('hex');
  return [
    ...new Set([
      value,
      ...base64,
      ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
      hex,
      hex.toUpperCase(),
      encodeURIComponent(value),
      JSON.stringify(value).slice(1, -1),
      bytes.toString('utf16le'),
    ]),
  ];
}

/** Which of the values are in the bytes, in any form. */
export function canariesIn(bytes: Buffer, values: readonly string[]): string[] {
  return values.filter((value) => canaryForms(value).some((form) => bytes.includes(form) || bytes.includes(Buffer.from(form, 'utf16le'))));
}

/** The files below a folder that hold one of the values: `path: value`. */
export function canaryFiles(folder: string, values: readonly string[]): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .flatMap((path) => canariesIn(readFileSync(path), values).map((value) => `${path}: ${value}`));
}

/** The processes whose command line or environment holds one of the values. Linux only; elsewhere nothing is found. */
export function canaryProcesses(values: readonly string[]): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => ['cmdline', 'environ'].map((file) => join('/proc', pid, file)))
    .flatMap((path) => {
      try {
        return canariesIn(readFileSync(path), values).map((value) => `${path}: ${value}`);
      } catch {
        // It ended, or belongs to somebody else.
        return [];
      }
    });
}
