import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

// What runs is a file that is there. It takes a while to go and to come, so that a fault finds it half-way.
const control = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
case $1 in
  status) if [ -e up ]; then echo "running pid=4711 started=1"; else echo stopped; exit 3; fi ;;
  stop) echo stop >>calls || exit 1; sleep 0.15; rm -f up ;;
  start) echo start >>calls || exit 1; sleep 0.15; : >up ;;
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
    const up = join(dir, 'up');
    const calls = (): string[] => (existsSync(join(dir, 'calls')) ? readFileSync(join(dir, 'calls'), 'utf8').trim().split('\n') : []);
    return {
      stackId: 'slow-service',
      stackText,
      inputs: { control: path },
      secrets: {},
      runbook: 'stop-and-start',
      runInputs: () => ({}),
      async reset() {
        rmSync(join(dir, 'calls'), { force: true });
        writeFileSync(up, '');
      },
      live: async () => (existsSync(up) ? 'running' : 'stopped'),
      async assertDone() {
        assert.ok(existsSync(up), 'the service does not run');
        assert.ok(calls().includes('stop') && calls().includes('start'), `it was told only: ${calls().join(', ')}`);
      },
      async assertSafe() {
        // Nothing can be lost here.
      },
      stop: async () => undefined,
    };
  },
};
