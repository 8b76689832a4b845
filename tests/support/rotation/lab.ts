import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../../src/main/demo/friendlyface/deploy.ts';
import { seal, unseal } from './service.ts';

const service = fileURLToPath(new URL('./service.ts', import.meta.url));

/** Text of the stack whose runbooks the lab is for. */
export const rotationStack = readFileSync(new URL('../stacks/rotation.yaml', import.meta.url), 'utf8');

/** The control of the service. It gives the process the environment of the file, and nothing else. */
const control = `#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/shop.conf"
ticks() { stat=$(sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null) || return 1; set -- $stat; [ "$1" = Z ] && return 1; shift 19; printf '%s' "$1"; }
alive() { pid= token= since=; [ -r "$here/shop.pid" ] && read -r pid token since <"$here/shop.pid"; [ -n "$pid" ] && [ "$(ticks "$pid")" = "$token" ]; }
status() { if alive; then echo "running pid=$pid started=$since"; return 0; fi; echo stopped; return 3; }
case $1 in
  status) status ;;
  start)
    alive && { status; exit 0; }
    setsid env -i PATH=/usr/local/bin:/usr/bin:/bin SHOP_DATA="$here" SHOP_PORT="$PORT" sh -c 'set -a; . "$1"; set +a; exec "$2" "$3"' sh "$ENV_FILE" "$NODE" "$SERVICE" >>"$here/shop.log" 2>&1 </dev/null &
    child=$!
    tries=0
    until alive; do
      [ $tries -lt 300 ] || exit 1
      ticks $child >/dev/null || { sleep 0.2; alive || { echo 'it did not start' >&2; exit 1; }; }
      sleep 0.1
      tries=$((tries + 1))
    done
    status ;;
  stop)
    alive || { echo stopped; exit 0; }
    kill -TERM "$pid"
    tries=0
    while [ "$(ticks "$pid")" = "$token" ]; do [ $tries -lt 300 ] || exit 1; sleep 0.1; tries=$((tries + 1)); done
    echo stopped ;;
esac
`;

/** A deployment whose keys are rotated, without sshd. */
export interface RotationLab {
  readonly dir: string;
  readonly baseUrl: string;
  readonly envFile: string;
  readonly inputs: Record<string, string>;
  readonly secrets: Record<string, string>;
  readonly env: () => string;
  control(verb: 'start' | 'stop' | 'status'): Promise<string>;
  /** Status of a request. */
  status(path: string, headers?: Record<string, string>): Promise<number>;
  /** The plain texts of the profiles under one key; undefined where it is another key's. */
  profiles(key: string): Record<string, string | undefined>;
  /** Which keys the provider takes. */
  provider(keys: readonly string[]): void;
  /** Everything as it was at first, and running. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** Lays a deployment out in a folder and starts it. */
export async function startRotationLab(dir: string, options: { profiles?: number } = {}): Promise<RotationLab> {
  mkdirSync(`${dir}/backups`, { recursive: true });
  const port = await freePort();
  const baseUrl = `http://127.0.0.1:${port}`;
  const envFile = `${dir}/.env`;
  const made = (name: string) => `${name}_${randomBytes(12).toString('hex')}`;
  const secrets = {
    'api-key': made('key'),
    'api-token': made('token'),
    'jwt-secret': made('jwt'),
    'login-password': 'correct horse',
    'encryption-key': made('enc'),
    'provider-key': made('prov'),
  };
  const other = made('other');
  const text = [
    '# the shop',
    `export API_KEYS="${other}, ${secrets['api-key']}"   # two clients`,
    `API_TOKEN=${secrets['api-token']}`,
    '',
    `JWT_SECRET='${secrets['jwt-secret']}'`,
    `ENCRYPTION_KEY=${secrets['encryption-key']}`,
    'ENCRYPTION_KEYS_OLD=',
    `PROVIDER_KEY="${secrets['provider-key']}"`,
    'GREETING="two',
    'lines"',
  ].join('\n');
  writeFileSync(`${dir}/shop.conf`, `NODE='${process.execPath}'\nSERVICE='${service}'\nPORT=${port}\nENV_FILE='${envFile}'\n`);
  writeFileSync(`${dir}/control`, control);
  chmodSync(`${dir}/control`, 0o755);
  const names = Array.from({ length: options.profiles ?? 5 }, (_, index) => `profile ${index + 1}`);
  const sealed = JSON.stringify(Object.fromEntries(names.map((name) => [name, seal(secrets['encryption-key'], `secret of ${name}`)])));
  const lab: RotationLab = {
    dir,
    baseUrl,
    envFile,
    inputs: { base_url: baseUrl, control: `${dir}/control`, env_file: envFile, backup_dir: `${dir}/backups` },
    secrets,
    env: () => readFileSync(envFile, 'utf8'),
    control: (verb) =>
      new Promise((resolve) => {
        execFile(`${dir}/control`, [verb], { env: { PATH: '/usr/local/bin:/usr/bin:/bin' } }, (_error, stdout, stderr) =>
          resolve(stdout + stderr),
        );
      }),
    status: async (path, headers = {}) => {
      const answer = await fetch(`${baseUrl}${path}`, { headers: { connection: 'close', ...headers } });
      await answer.arrayBuffer();
      return answer.status;
    },
    profiles: (key) =>
      Object.fromEntries(
        Object.entries(JSON.parse(readFileSync(`${dir}/profiles.json`, 'utf8')) as Record<string, string>).map(([name, one]) => [
          name,
          unseal(key, one),
        ]),
      ),
    provider: (keys) => writeFileSync(`${dir}/provider-keys.json`, JSON.stringify(keys)),
    async reset() {
      const changed = (() => {
        try {
          return readFileSync(envFile, 'utf8') !== text;
        } catch {
          return true;
        }
      })();
      const running = (await lab.control('status')).startsWith('running');
      const fresh = running && !changed && readFileSync(`${dir}/fresh`, 'utf8').trim() === readFileSync(`${dir}/shop.pid`, 'utf8').trim();
      if (!fresh) await lab.control('stop');
      for (const name of ['.env', '.env.quarterdeck-new', '.env.quarterdeck-old']) rmSync(`${dir}/${name}`, { force: true });
      writeFileSync(envFile, text, { mode: 0o600 });
      writeFileSync(`${dir}/profiles.json`, sealed);
      lab.provider([secrets['provider-key']]);
      if (fresh) return;
      await lab.control('start');
      writeFileSync(`${dir}/fresh`, readFileSync(`${dir}/shop.pid`));
    },
    async stop() {
      await lab.control('stop');
    },
  };
  await lab.reset();
  return lab;
}
