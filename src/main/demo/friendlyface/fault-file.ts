import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** What can be broken for practice. `disk-nearly-full` is read by the `df` of the demo host, the others by the service. */
export const faultNames = ['database-gone', 'slow', 'rate-limit-storm', 'corrupt-chain', 'disk-nearly-full'] as const;
export type FaultName = (typeof faultNames)[number];

/** True when the text is one of {@link faultNames}. */
export function isFaultName(text: unknown): text is FaultName {
  return faultNames.some((name) => name === text);
}

/** The faults that are on. A missing or half-readable file means none. */
export function readFaults(file: string): Set<FaultName> {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value !== 'object' || value === null) return new Set();
    return new Set(Object.entries(value).flatMap(([name, on]) => (on === true && isFaultName(name) ? [name] : [])));
  } catch {
    return new Set();
  }
}

/** Switches one fault, in one rename: the service never reads half a file. The switch outlives a restart of the service. */
export function writeFault(file: string, fault: FaultName, on: boolean): void {
  const faults = readFaults(file);
  if (on) faults.add(fault);
  else faults.delete(fault);
  // One `"name":true` a line: the df of the demo host reads it with grep.
  const body = `{\n${[...faults].map((name) => `"${name}":true`).join(',\n')}\n}\n`;
  writeFileSync(`${file}.new`, body);
  renameSync(`${file}.new`, file);
}
