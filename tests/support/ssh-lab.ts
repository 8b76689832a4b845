import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHostKeyPolicy } from '../../src/main/drivers/ssh/host-key-policy.ts';
import type { SshSessionOptions } from '../../src/main/drivers/ssh/session.ts';
import { createSshSession } from '../../src/main/drivers/ssh/session.ts';
import type { HostKeyPolicy, SshAuth, SshHop, SshSession } from '../../src/main/drivers/ssh/types.ts';
import type { Sshd } from './sshd.ts';
import { sshdUnavailable } from './sshd.ts';

/** Skips a suite that cannot run here, and says so. Use as `describe.skipIf(skipSsh())`. */
export function skipSsh(more?: string | undefined): boolean {
  const why = sshdUnavailable() ?? more;
  if (why !== undefined) console.log(`skipped: ${why}`);
  return why !== undefined;
}

/** A scratch directory, removed by `close`. */
export function scratch(): { readonly dir: string; path(name: string): string; close(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'quarterdeck-test-'));
  return { dir, path: (name) => join(dir, name), close: () => rmSync(dir, { recursive: true, force: true }) };
}

/** A hop to a test server; `port` for one behind a proxy. */
export function hopTo(sshd: Sshd, options: { auth?: readonly SshAuth[]; port?: number; user?: string } = {}): SshHop {
  return {
    host: sshd.host,
    port: options.port ?? sshd.port,
    user: options.user ?? sshd.user,
    auth: options.auth ?? [{ kind: 'key', path: sshd.clientKey.path }],
  };
}

/** A policy that knows the present keys of these servers, also behind these other ports. */
export async function trusting(...servers: readonly (Sshd | { readonly sshd: Sshd; readonly port: number })[]): Promise<HostKeyPolicy> {
  const room = scratch();
  try {
    const file = room.path('known_hosts');
    writeFileSync(file, servers.map((one) => ('sshd' in one ? one.sshd.knownHosts(`[127.0.0.1]:${one.port}`) : one.knownHosts())).join(''));
    return await createHostKeyPolicy({ files: [file], stored: () => [] });
  } finally {
    room.close();
  }
}

/** Connects to a test server with its own key. */
export async function connectTo(sshd: Sshd, options: Partial<SshSessionOptions> & { port?: number } = {}): Promise<SshSession> {
  const { port, ...rest } = options;
  const policy = rest.policy ?? (await trusting(port === undefined ? sshd : { sshd, port }));
  return createSshSession(
    { target: hopTo(sshd, port === undefined ? {} : { port }), jumps: [] },
    { secrets: async () => undefined, readyTimeoutMs: 15_000, ...rest, policy },
  );
}
