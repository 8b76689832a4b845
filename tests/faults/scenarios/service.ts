import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sshdUnavailable } from '../../support/sshd.ts';
import type { Scenario } from '../scenario.ts';

const stackText = `stack: slow-service
version: 1
title: Slow service
description: A service that takes its time to stop and to start.
inputs:
  - { name: control, title: Service control, type: path, required: true }
runbooks:
  - id: stop-and-start
    title: Stop and start
    description: Stops it, and starts it again.
    steps:
      - { id: stop, action: service.stop@1, with: { control: '\${inputs.control}' } }
      - { id: start, action: service.start@1, with: { control: '\${inputs.control}' } }
`;

// The service writes its own number before it is one, so that it never runs unknown. It takes a while to go and to come, so that a fault
// finds it half-way.
const control = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
pid=$(cat pid 2>/dev/null)
lives() { [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; }
case $1 in
  status) if lives; then echo "running pid=$pid started=$(stat -c %Y /proc/"$pid")"; else echo stopped; exit 3; fi ;;
  stop)
    lives || exit 0
    echo stop >>calls || exit 1
    sleep 0.1
    kill "$pid"
    while lives; do sleep 0.02; done
    rm -f pid ;;
  start)
    lives && exit 0
    echo start >>calls || exit 1
    sleep 0.1
    setsid sh -c 'echo $$ >pid.new && mv pid.new pid && exec sleep 100000' >/dev/null 2>&1 </dev/null &
    i=0
    while [ $i -lt 100 ]; do
      pid=$(cat pid 2>/dev/null)
      lives && exit 0
      i=$((i + 1))
      sleep 0.02
    done
    exit 1 ;;
esac
`;

/** Stop and start of a service by its control. */
export const serviceScenario: Scenario = {
  id: 'service',
  hostMebibytes: 8,
  laptopMebibytes: 16,
  unavailable: sshdUnavailable,
  async start({ hostDir }) {
    const dir = join(hostDir, 'service');
    mkdirSync(dir);
    const path = join(dir, 'control');
    writeFileSync(path, control);
    chmodSync(path, 0o755);
    const run = (verb: string): void => void execFileSync(path, [verb], { stdio: 'ignore' });
    const status = (): string => {
      try {
        return execFileSync(path, ['status'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).startsWith('running')
          ? 'running'
          : 'unclear';
      } catch {
        return 'stopped';
      }
    };
    const calls = (): string[] => {
      try {
        return readFileSync(join(dir, 'calls'), 'utf8').trim().split('\n');
      } catch {
        return [];
      }
    };
    return {
      stackId: 'slow-service',
      stackText,
      inputs: { control: path },
      secrets: {},
      runbook: 'stop-and-start',
      runInputs: () => ({}),
      async reset() {
        run('start');
        rmSync(join(dir, 'calls'), { force: true });
      },
      live: async () => status(),
      async assertDone() {
        assert.equal(status(), 'running');
        assert.ok(calls().includes('stop') && calls().includes('start'), `it was told only: ${calls().join(', ')}`);
      },
      async assertSafe() {
        // Nothing can be lost here.
      },
      async stop() {
        run('stop');
      },
    };
  },
};
