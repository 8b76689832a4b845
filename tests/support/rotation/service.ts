/**
 * A small service with every kind of key, as its environment gives them: a list of API keys, one API token, a secret that sessions are signed with,
 * and a key under which profiles are encrypted. With a wrong encryption key its health stays well, as it does with real ones.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { startToken } from '../../../src/main/demo/friendlyface/process-identity.ts';

const env = (name: string) => process.env[name] ?? '';
const list = (text: string) =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
const keys = list(env('API_KEYS'));
const data = env('SHOP_DATA');
const stateFile = `${data}/profiles.json`;
const providerFile = `${data}/provider-keys.json`;

type Profiles = Record<string, string>;
const profiles = (): Profiles => JSON.parse(readFileSync(stateFile, 'utf8')) as Profiles;

/** As the service keeps a profile's secret: AES-GCM under the hash of the key. */
export function seal(key: string, text: string): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', createHash('sha256').update(key).digest(), iv);
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64');
}

/** Undefined when it is another key's. */
export function unseal(key: string, sealed: string): string | undefined {
  const bytes = Buffer.from(sealed, 'base64');
  try {
    const decipher = createDecipheriv('aes-256-gcm', createHash('sha256').update(key).digest(), bytes.subarray(0, 12));
    decipher.setAuthTag(bytes.subarray(12, 28));
    return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}

const encryptionKeys = () => [env('ENCRYPTION_KEY'), ...list(env('ENCRYPTION_KEYS_OLD'))];
const open = (sealed: string): string | undefined => {
  for (const key of encryptionKeys()) {
    const text = unseal(key, sealed);
    if (text !== undefined) return text;
  }
  return undefined;
};

const token = (request: IncomingMessage) => /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
const sign = (body: string) => createHmac('sha256', env('JWT_SECRET')).update(body).digest('base64url');
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
function goodSession(request: IncomingMessage): boolean {
  const [head = '', claims = '', signature = ''] = token(request).split('.');
  return signature !== '' && signature === sign(`${head}.${claims}`);
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, string>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}') as Record<string, string>;
}

async function answer(request: IncomingMessage): Promise<[number, unknown]> {
  const url = new URL(request.url ?? '/', 'http://here');
  const path = `${request.method} ${url.pathname}`;
  if (path === 'GET /health') return [200, { status: 'ok' }];
  if (path === 'GET /provider/ping')
    return (JSON.parse(readFileSync(providerFile, 'utf8')) as string[]).includes(token(request)) ? [200, {}] : [401, {}];
  if (path === 'GET /api/v1/meta') {
    if (keys.length === 0) return [200, { open: true }];
    const key = request.headers['x-api-key'];
    if (key === undefined) return [403, { detail: 'API key required.' }];
    return typeof key === 'string' && keys.includes(key) ? [200, {}] : [401, { detail: 'Invalid API key.' }];
  }
  if (path === 'POST /auth/login') {
    const { email, password } = await bodyOf(request);
    if (password !== 'correct horse') return [401, { error: 'no' }];
    const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: email, iat: Math.floor(Date.now() / 1000) })}`;
    return [200, { token: `${body}.${sign(body)}` }];
  }
  if (path === 'GET /auth/me') return goodSession(request) ? [200, {}] : [401, {}];
  if (url.pathname.startsWith('/api/v1/')) {
    if (request.headers['x-api-token'] !== env('API_TOKEN')) return [401, { error: { code: 'unauthorized' } }];
    if (path === 'GET /api/v1/profiles') return [200, { items: Object.keys(profiles()).map((id) => ({ id })) }];
    if (path === 'GET /api/v1/jobs') {
      const sealed = profiles()[String(request.headers['x-profile-id'])];
      if (sealed === undefined) return [404, {}];
      return open(sealed) === undefined ? [500, { error: { code: 'decrypt_failed' } }] : [200, { items: [] }];
    }
    const id = /^POST \/api\/v1\/profiles\/([^/]+)\/reencrypt$/.exec(path)?.[1];
    if (id !== undefined) {
      const { key = '' } = await bodyOf(request);
      const all = profiles();
      const text = open(all[decodeURIComponent(id)] ?? '');
      if (text === undefined) return [409, { error: { code: 'decrypt_failed' } }];
      if (!encryptionKeys().includes(key)) return [400, { error: { code: 'unknown_key' } }];
      writeFileSync(`${stateFile}.new`, JSON.stringify({ ...all, [decodeURIComponent(id)]: seal(key, text) }));
      renameSync(`${stateFile}.new`, stateFile);
      return [200, {}];
    }
  }
  return [404, {}];
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  answer(request).then(
    ([status, body]) => {
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
      response.end(JSON.stringify(body));
    },
    () => {
      response.writeHead(500);
      response.end();
    },
  );
}

if (process.argv[1] === import.meta.filename) {
  const server = createServer(serve);
  server.listen(Number(env('SHOP_PORT')), '127.0.0.1', () => {
    const pidFile = `${data}/shop.pid`;
    writeFileSync(`${pidFile}.new`, `${process.pid} ${startToken(process.pid)} ${new Date().toISOString()}\n`);
    renameSync(`${pidFile}.new`, pidFile);
  });
  process.on('SIGTERM', () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
}
