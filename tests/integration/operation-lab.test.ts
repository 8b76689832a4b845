import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { OperationLab } from '../support/operation-lab.ts';
import { startOperationLab } from '../support/operation-lab.ts';
import { scratch, skipSsh } from '../support/ssh-lab.ts';

const stackText = `stack: slow
version: 1
title: Slow
description: A service that takes its time.
inputs:
  - { name: control, title: Service control, type: path, required: true }
runbooks:
  - id: stop-service
    title: Stop the service
    description: Stops it.
    steps:
      - { id: stop, action: service.stop@1, with: { control: '\${inputs.control}' } }
`;

const control = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
case $1 in
  status) if [ -e up ]; then echo "running pid=$(cat up) started=1"; else echo stopped; exit 3; fi ;;
  stop) echo stop >>calls; echo "asked to stop"; sleep 2; kill "$(cat up)"; rm -f up; echo "it is down" ;;
  start) echo start >>calls; sleep 600 >/dev/null 2>&1 </dev/null & echo $! >up ;;
esac
`;

const room = scratch();
let lab: OperationLab | undefined;
afterEach(async () => {
  await lab?.close();
  if (existsSync(room.path('up'))) process.kill(Number(readFileSync(room.path('up'), 'utf8')));
  room.close();
});

describe.skipIf(skipSsh())('a mutating step', () => {
  it('goes on at the host when the connection is cut, and is found again: one stop, seen to its end', async () => {
    writeFileSync(room.path('control'), control);
    chmodSync(room.path('control'), 0o755);
    execFileSync(room.path('control'), ['start']);
    rmSync(room.path('calls'));
    lab = await startOperationLab({ stackText, stackId: 'slow', inputs: { control: room.path('control') } });
    const { begin, engine } = await lab.open();
    const run = await begin('stop-service');
    await vi.waitUntil(() => readCalls() !== '', { timeout: 20_000 });
    lab.proxy.cut('rst');
    const ended = await engine.settled(run.id);
    expect(ended.summary).toContain('Stopped');
    expect(ended.state).toBe('succeeded');
    expect(readCalls()).toBe('stop\n');
    expect(lab.proxy.accepted).toBeGreaterThan(1);
    // Attached again, it is not said twice.
    expect(ended.steps[0]?.said).toMatchObject({ text: 'asked to stop\nit is down\nstopped\n', dropped: 0 });
    const reverted = await engine.settled((await engine.revert({ runId: run.id, typedName: 'Shop production' })).id);
    expect(reverted.state).toBe('reverted');
    expect(readCalls()).toBe('stop\nstart\n');
  });
});

function readCalls(): string {
  try {
    return readFileSync(room.path('calls'), 'utf8');
  } catch {
    return '';
  }
}
