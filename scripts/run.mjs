// Programs that the scripts start, and how they all end when the script is told to. Plain JavaScript, Node 18.
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';

/** Progress goes to stderr: stdout belongs to the program that is started. */
export function say(/** @type {string} */ line) {
  process.stderr.write(`quarterdeck: ${line}\n`);
}

/** A reason that needs no stack: the caller prints it and exits with 1. */
export class SetupError extends Error {}

/** @type {NodeJS.Signals[]} */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
/** @type {NodeJS.Signals | undefined} */
let interruptedBy;

const exitCodeOf = (/** @type {NodeJS.Signals | null} */ signal) => 128 + (constants.signals[signal ?? 'SIGTERM'] ?? 15);

/** True once this process was told to end: nothing more is started, what runs is waited for. */
export const isInterrupted = () => interruptedBy !== undefined;

function passOn(/** @type {NodeJS.Signals} */ signal) {
  interruptedBy ??= signal;
  // A terminal's Ctrl-C reaches the children by itself: they are of the same process group.
  if (signal === 'SIGINT' && process.stdin.isTTY) return;
  for (const child of running) child.kill(signal);
}

/**
 * `npm` hands a signal to the shell it runs a script in, and that shell dies without passing it on: then the parent is gone and
 * what it started would live on unseen.
 */
function endWithParent() {
  if (!process.env['npm_lifecycle_event']) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    passOn('SIGTERM');
  }, 500);
  watch.unref();
}

/**
 * Runs `main` with signals passed on to whatever it started, and sets the exit code: that of `main`, 1 with the message of a
 * {@link SetupError}, 128 + n when a signal ended it.
 * @param {() => Promise<number>} main
 */
export async function runMain(main) {
  for (const signal of SIGNALS) process.on(signal, () => passOn(signal));
  endWithParent();
  try {
    process.exitCode = await main();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    if (!interruptedBy) say(error.message);
    process.exitCode = interruptedBy ? exitCodeOf(interruptedBy) : 1;
  }
}

/** @param {string} command @param {string[]} args @param {import('node:child_process').SpawnOptions} options */
function start(command, args, options) {
  if (interruptedBy) throw new SetupError('interrupted');
  const child = spawn(command, args, options);
  running.add(child);
  const forget = () => running.delete(child);
  child.on('error', forget);
  child.on('exit', forget);
  return child;
}

/**
 * Runs a program to its end and answers its exit code and everything it wrote.
 * @param {string} command @param {string[]} args @param {import('node:child_process').SpawnOptions} options
 * @returns {Promise<{ code: number, output: string }>}
 */
export function capture(command, args, options = {}) {
  return new Promise((done, fail) => {
    const child = start(command, args, { shell: command.endsWith('.cmd'), ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.on('error', fail);
    child.on('close', (code, signal) => done({ code: code ?? exitCodeOf(signal), output }));
  });
}

/**
 * Runs a program on this terminal and answers its exit code.
 * @param {string} command @param {string[]} args @param {import('node:child_process').SpawnOptions} options
 * @returns {Promise<number>}
 */
export function foreground(command, args, options = {}) {
  return new Promise((done, fail) => {
    const child = start(command, args, { stdio: 'inherit', ...options });
    child.on('error', fail);
    child.on('exit', (code, signal) => done(code ?? exitCodeOf(signal)));
  });
}

/** @template T @param {string} what @param {() => Promise<T>} work */
export async function timed(what, work) {
  const begin = Date.now();
  say(`${what} …`);
  const result = await work();
  say(`${what}: done in ${((Date.now() - begin) / 1000).toFixed(1)} s`);
  return result;
}

const BEAT_MS = 2_000;
const STALE_MS = 20_000;

const ageOf = (/** @type {string} */ path) => {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
};

/**
 * One at a time, across processes: two commands started together in one clone must not install over each other. The owner
 * touches the lock while it works; one that is not touched any more is taken over.
 * @template T @param {string} path @param {() => Promise<T>} work
 */
export async function withLock(path, work) {
  mkdirSync(dirname(path), { recursive: true });
  for (let told = false; ; told = true) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    if (interruptedBy) throw new SetupError('interrupted');
    if (ageOf(path) > STALE_MS) rmSync(path, { force: true });
    else if (!told) say(`waiting for another set-up that holds ${path} …`);
    await new Promise((next) => setTimeout(next, 200));
  }
  const beat = setInterval(() => utimesSync(path, new Date(), new Date()), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    rmSync(path, { force: true });
  }
}
