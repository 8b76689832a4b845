import type { ConnectionState } from '../../../src/contract/connections.ts';
import type { Environment, SshHop, Tier } from '../../../src/contract/environments.ts';
import type { StackInfo } from '../../../src/contract/stacks.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

const hop = (host: string, user = 'deploy'): SshHop => ({
  host,
  port: 22,
  user,
  auth: [{ kind: 'agent' }, { kind: 'key', path: '~/.ssh/id_ed25519' }],
});

function environment(id: string, name: string, tier: Tier, host: string, more: Partial<Environment> = {}): Environment {
  const now = Date.now();
  return {
    id,
    name,
    tier,
    ssh: { target: hop(host), jumps: [] },
    stack: 'friendlyface',
    inputs: { base_url: 'http://127.0.0.1:3849', backup_dir: '/srv/friendlyface/backups', db_path: '/srv/friendlyface/data/ff.db' },
    notes: '',
    demo: false,
    revision: 1,
    createdAt: now - 30 * DAY,
    updatedAt: now - DAY,
    ...more,
  };
}

/** One environment for each state that a screen must be able to show. */
export const environments: Environment[] = [
  environment('eu', 'friendlyface-eu', 'production', 'ff-eu-1.example.net', {
    ssh: { target: hop('ff-eu-1.example.net'), jumps: [hop('bastion.example.net', 'ops')] },
  }),
  environment(
    'changed',
    'friendlyface-us-east-forensics-primary-with-a-name-nobody-shortened',
    'production',
    'ff-us-east-forensics-primary.internal.example.net',
  ),
  environment('contact', 'friendlyface-staging', 'staging', 'ff-staging.example.net'),
  environment('retry', 'friendlyface-rehearsal', 'staging', 'ff-rehearsal.example.net'),
  environment('secret', 'friendlyface-qa', 'staging', 'ff-qa.example.net', {
    ssh: { target: { ...hop('ff-qa.example.net'), auth: [{ kind: 'password' }] }, jumps: [] },
  }),
  environment('prompts', 'friendlyface-otp', 'staging', 'ff-otp.example.net', {
    ssh: { target: { ...hop('ff-otp.example.net'), auth: [{ kind: 'keyboard-interactive' }] }, jumps: [] },
  }),
  environment('demo', 'Demo', 'development', '127.0.0.1', {
    demo: true,
    ssh: { target: { ...hop('127.0.0.1', 'demo'), port: 40_022 }, jumps: [] },
  }),
  environment(
    'busy',
    'shop-forensics-primary-of-the-north-with-a-name-nobody-shortened',
    'production',
    'shop-forensics-primary.internal.example.net',
  ),
  environment('empty', 'scratch', 'development', 'scratch.example.net'),
];

const offered = { type: 'ssh-ed25519', fingerprint: 'SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDiOeWqpVtsjPnrlXk' };
const recorded = {
  type: 'ssh-ed25519',
  fingerprint: 'SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM',
  source: '~/.ssh/known_hosts:41',
};
const server = { ident: 'SSH-2.0-OpenSSH_9.9', hostKeyType: 'ssh-ed25519', fingerprint: offered.fingerprint };

/** How each environment stands when the fake host starts. */
export function firstConnections(): ConnectionState[] {
  const since = Date.now() - 4 * MINUTE;
  const of = (environmentId: string, phase: ConnectionState['phase'], more: Partial<ConnectionState> = {}): ConnectionState => ({
    environmentId,
    phase,
    since,
    attempt: 0,
    ...more,
  });
  return [
    of('eu', 'connected', { latencyMs: 24.3, server }),
    of('changed', 'blocked', {
      problem: {
        code: 'host-key-changed',
        message: 'The host key of ff-us-east-forensics-primary.internal.example.net has changed.',
        retryable: false,
      },
      hostKey: {
        verdict: 'changed',
        hop: { index: 0, host: 'ff-us-east-forensics-primary.internal.example.net', port: 22 },
        offered,
        known: [recorded],
      },
    }),
    of('contact', 'blocked', {
      problem: { code: 'host-key-unknown', message: 'The host key of ff-staging.example.net is not known.', retryable: false },
      hostKey: { verdict: 'unknown', hop: { index: 0, host: 'ff-staging.example.net', port: 22 }, offered, known: [] },
    }),
    of('retry', 'waiting-to-retry', {
      attempt: 3,
      retryAt: Date.now() + 45_000,
      problem: { code: 'ssh-unreachable', message: 'ff-rehearsal.example.net:22 does not answer (connection timed out).', retryable: true },
    }),
    of('secret', 'blocked', {
      problem: {
        code: 'secret-missing',
        message: 'The password for deploy@ff-qa.example.net is not set.',
        hint: 'Set it below, then connect.',
        retryable: false,
      },
    }),
    of('prompts', 'blocked', {
      problem: { code: 'ssh-auth-needed', message: 'ff-otp.example.net asks for an answer.', retryable: false },
      prompts: [
        { hop: 0, text: 'Password: ', echo: false },
        { hop: 0, text: 'One-time password (OATH) for `deploy`: ', echo: true },
      ],
    }),
    of('demo', 'connected', { latencyMs: 0.6, server }),
    of('busy', 'connected', { latencyMs: 31.7, server }),
    of('empty', 'disconnected'),
  ];
}

export const stack: StackInfo = {
  id: 'friendlyface',
  title: 'FriendlyFace',
  description: 'Forensic face recognition service; Python and FastAPI on one host, data in SQLite, administration over HTTP.',
  source: 'shipped',
  inputs: [
    {
      name: 'base_url',
      title: 'Base URL',
      type: 'url',
      required: true,
      default: 'http://127.0.0.1:3849',
      help: 'As the host itself sees it.',
    },
    { name: 'db_path', title: 'Database file', type: 'path', required: false, help: 'FF_DB_PATH, as an absolute path on the host.' },
    { name: 'backup_dir', title: 'Backup folder', type: 'path', required: true, help: 'FF_BACKUP_DIR, as an absolute path on the host.' },
  ],
  secrets: [{ key: 'api-key', title: 'API key', required: true, help: 'A key with the admin role.' }],
  features: { probes: true, logs: true, backups: true },
};
