import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A stack of one runbook with two steps, of which the first waits until it is told to go on. */
export const slowStack = `stack: slow
version: 1
title: Slow
description: A service that takes its time.
inputs:
  - { name: control, title: Service control, type: path, required: true }
runbooks:
  - id: bounce
    title: Bounce the service
    description: Stops it and starts it.
    steps:
      - { id: stop, action: service.stop@1, with: { control: '\${inputs.control}' } }
      - { id: start, action: service.start@1, with: { control: '\${inputs.control}' } }
`;

const script = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
case $1 in
  status) if [ -e up ]; then echo "running pid=$(cat up) started=1"; else echo stopped; exit 3; fi ;;
  stop)
    echo stop >>calls
    echo "asked to stop <b>now</b>"
    until [ -e go ]; do sleep 0.1; done
    kill "$(cat up)"
    rm -f up go
    echo "it is down" ;;
  start) echo start >>calls; sleep 600 >/dev/null 2>&1 </dev/null & echo $! >up ;;
esac
`;

/** A running process and its control. */
export interface SlowService {
  readonly control: string;
  /** What the control was told to do, a line each. */
  calls(): string;
  /** Lets the stop that waits go on. */
  go(): void;
  stop(): Promise<void>;
}

/** Starts it in a folder of its own. */
export function startSlowService(dir: string): SlowService {
  mkdirSync(dir, { recursive: true });
  const file = (name: string): string => join(dir, name);
  writeFileSync(file('control'), script);
  chmodSync(file('control'), 0o755);
  execFileSync(file('control'), ['start']);
  writeFileSync(file('calls'), '');
  return {
    control: file('control'),
    calls: () => readFileSync(file('calls'), 'utf8'),
    go: () => writeFileSync(file('go'), ''),
    async stop() {
      if (existsSync(file('up'))) process.kill(Number(readFileSync(file('up'), 'utf8')));
    },
  };
}
