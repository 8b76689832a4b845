import { readFileSync } from 'node:fs';
import type { LabHandle } from './engine-lab.ts';
import { openEngine } from './engine-lab.ts';
import { connectTo } from './ssh-lab.ts';
import type { Sshd } from './sshd.ts';

// A host process of its own, to be killed: begins a runbook (or goes on with a run), prints the run's id, and waits.
const [file = '', verb = '', name = '', ...inputs] = process.argv.slice(2);
const handle = JSON.parse(readFileSync(file, 'utf8')) as LabHandle;
const { host, port, user, key, knownHosts } = handle.sshd;
const session = await connectTo({ host, port, user, clientKey: { path: key }, knownHosts: () => knownHosts } as Sshd);
const open = await openEngine(handle, session);
const run =
  verb === 'begin'
    ? await open.begin(name, Object.fromEntries(inputs.map((pair) => pair.split('=') as [string, string])))
    : await open.engine.revert({ runId: name, typedName: handle.environment.name });
process.stdout.write(`${run.id}\n`);
await open.engine.settled(run.id);
await open.close();
await session.close();
