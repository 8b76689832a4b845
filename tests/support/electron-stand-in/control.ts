import type { Call, Notice } from './messages.ts';

/** Tells the test. Without one (no IPC channel) nobody is told. */
export function tell(notice: Notice): void {
  if (process.connected) process.send?.(notice);
}

/** Puts a use of Electron on record. Functions are recorded as `[function]`. */
export function record(name: string, ...args: unknown[]): void {
  const call: Call = { name, args: args.map((arg) => JSON.parse(JSON.stringify(arg, plain) ?? 'null') as unknown) };
  tell({ kind: 'call', call });
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'function' ? '[function]' : value;
}
