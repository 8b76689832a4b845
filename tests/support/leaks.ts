/**
 * Runs in front of every test file (vitest's `setupFiles`): the file fails when it leaves a socket, a server, a timer or a
 * child process behind, or when a line nobody announced reaches `console.error`, `console.warn` or Node's warnings.
 */
import { createHook } from 'node:async_hooks';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';

const SETTLE_MS = 3_000;
const POLL_MS = 25;

/** What holds a process up and is always somebody's to close, with the name the async hook has for it. */
const WATCHED: Record<string, string> = {
  TCPSocketWrap: 'TCPWRAP',
  TCPServerWrap: 'TCPSERVERWRAP',
  TLSWrap: 'TLSWRAP',
  PipeWrap: 'PIPEWRAP',
  PipeServerWrap: 'PIPESERVERWRAP',
  UDPWrap: 'UDPWRAP',
  ProcessWrap: 'PROCESSWRAP',
  FSEventWrap: 'FSEVENTWRAP',
  StatWatcher: 'STATWATCHER',
  MessagePort: 'MESSAGEPORT',
  Worker: 'WORKER',
};
const HOOKED = new Set(['Timeout', ...Object.values(WATCHED)]);

interface Origin {
  type: string;
  stack: string;
  resource: WeakRef<object>;
}

/** Where each live handle was made: a report without a place to look is of little use. */
const origins = new Map<number, Origin>();
const LIBRARY = /node_modules|node:internal|tests\/support\/leaks\.ts/;
const RUNNER = /node_modules\/(@vitest|vitest|vite|tinyexec|birpc)\//;

const hook = createHook({
  init(id, type, _trigger, resource: object) {
    if (!HOOKED.has(type)) return;
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 40;
    origins.set(id, { type, stack: new Error(type).stack ?? '', resource: new WeakRef(resource) });
    Error.stackTraceLimit = limit;
  },
  destroy(id) {
    origins.delete(id);
  },
});

/** The first frame of ours, else the first of a library. */
function placeOf(stack: string): string | undefined {
  const frames = stack
    .split('\n')
    .slice(1)
    .filter((line) => /[/\\]/.test(line) && !line.includes('tests/support/leaks.ts'));
  return (frames.find((line) => !LIBRARY.test(line)) ?? frames.find((line) => line.includes('node_modules')))?.trim();
}

/** Timers that keep the process up and were not made by the test runner. */
function timers(): string[] {
  return [...origins.values()]
    .filter(({ type, stack, resource }) => {
      const timer = resource.deref() as NodeJS.Timeout | undefined;
      if (type !== 'Timeout' || timer?.hasRef?.() !== true) return false;
      const place = placeOf(stack);
      return place !== undefined && !RUNNER.test(place);
    })
    .map(({ stack }) => placeOf(stack) ?? 'somewhere');
}

function handles(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo()) {
    if (type in WATCHED) counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return counts;
}

/** Living children of this process, by /proc; elsewhere the process handles alone have to do. */
function children(): Map<number, string> {
  const found = new Map<number, string>();
  if (process.platform !== 'linux') return found;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(parent) !== process.pid || state === 'Z') continue;
      found.set(Number(name), readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() || `process ${name}`);
    } catch {
      // It ended between the listing and the look.
    }
  }
  return found;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself just now.
  }
}

interface Baseline {
  handles: Map<string, number>;
  children: Map<number, string>;
}

function leaksSince(before: Baseline): string[] {
  const leaks: string[] = [];
  for (const [type, count] of handles()) {
    const more = count - (before.handles.get(type) ?? 0);
    if (more <= 0) continue;
    const places = [...origins.values()].filter((origin) => origin.type === WATCHED[type]).map(({ stack }) => placeOf(stack));
    const known = [...new Set(places.filter((place) => place !== undefined))];
    leaks.push(`${more} × ${type}${known.length > 0 ? `, made ${known.slice(0, 5).join('\n      or ')}` : ''}`);
  }
  for (const place of timers()) leaks.push(`a timer, made ${place}`);
  for (const [pid, command] of children()) {
    if (!before.children.has(pid)) leaks.push(`child process ${pid}: ${command.slice(0, 200)}`);
  }
  return leaks;
}

let baseline: Baseline = { handles: new Map(), children: new Map() };

beforeAll(() => {
  hook.enable();
  baseline = { handles: handles(), children: children() };
});

afterAll(async () => {
  const deadline = performance.now() + SETTLE_MS;
  let leaks = leaksSince(baseline);
  while (leaks.length > 0 && performance.now() < deadline) {
    await new Promise((next) => setTimeout(next, POLL_MS));
    leaks = leaksSince(baseline);
  }
  hook.disable();
  for (const pid of children().keys()) if (!baseline.children.has(pid)) kill(pid);
  if (leaks.length > 0) throw new Error(`This test file leaves something behind:\n  - ${leaks.join('\n  - ')}`);
});

/** Shared by way of globalThis: a test file may load this module a second time. */
interface Lines {
  seen: string[];
  expected: RegExp[];
}
const KEY = Symbol.for('quarterdeck.test-lines');
const store = globalThis as unknown as Record<symbol, Lines | undefined>;
const lines: Lines = store[KEY] ?? { seen: [], expected: [] };
store[KEY] = lines;

/**
 * Announces, for the running test, error or warning lines that match `pattern`. What is not announced fails the test.
 */
export function expectErrorLine(pattern: RegExp): void {
  lines.expected.push(pattern);
}

const text = (value: unknown): string => (value instanceof Error ? `${value.name}: ${value.message}` : String(value));

for (const method of ['error', 'warn'] as const) {
  const original = console[method].bind(console);
  console[method] = (...parts: unknown[]): void => {
    lines.seen.push(`console.${method}: ${parts.map(text).join(' ')}`);
    original(...parts);
  };
}
process.on('warning', (warning) => {
  if (warning.name !== 'ExperimentalWarning') lines.seen.push(`${warning.name}: ${warning.message}`);
});

function unexpected(): string[] {
  const found = lines.seen.filter((line) => !lines.expected.some((pattern) => pattern.test(line)));
  lines.seen = [];
  return found;
}

beforeEach(() => {
  lines.expected = [];
});

afterEach(() => {
  const found = unexpected();
  if (found.length > 0) throw new Error(`Unexpected error lines:\n  - ${found.join('\n  - ')}`);
});

afterAll(() => {
  const found = unexpected();
  if (found.length > 0) throw new Error(`Unexpected error lines outside of a test:\n  - ${found.join('\n  - ')}`);
});
