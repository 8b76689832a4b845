import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DockerEngine } from './docker-engine.ts';
import { dockerUnavailable, startDockerEngine } from './docker-engine.ts';
import { freePort } from './sshd.ts';

const run = promisify(execFile);

/** Why there can be no containers and no compose here, or undefined when there can. */
export function servicesUnavailable(): string | undefined {
  return dockerUnavailable() ?? (spawnSync('docker-compose', ['--version']).status === 0 ? undefined : 'docker-compose is not installed');
}

/** A private engine with images of a small web service, a compose project and free ports. */
export interface ServiceLab {
  readonly engine: DockerEngine;
  /** Folder of the compose project; its services are `db` and `web`, and `web` needs `db`. */
  readonly project: string;
  readonly port: number;
  readonly baseUrl: string;
  /** Variables of what runs on the host. */
  readonly variables: Readonly<Record<string, string>>;
  compose(...args: string[]): Promise<string>;
  /** What is served at a path; undefined while nothing answers. */
  get(path: string): Promise<string | undefined>;
  /** Waits until the service answers with this version. */
  serves(version: string): Promise<void>;
  /** Id of an image. */
  imageId(tag: string): Promise<string>;
  /** Builds `shop-web:<tag>` that serves this version. `crash`: it ends by itself at once. */
  build(tag: string, version: string, how?: 'crash' | 'stubborn'): Promise<string>;
  stop(): Promise<void>;
}

/** Serves /version and /greeting, ends at once when asked to. As process 1 it gets no signal that it does not handle. */
const serve = `#!/bin/sh
trap 'kill $p; wait $p; exit 0' TERM
mkdir -p /tmp/www
cat /version >/tmp/www/version
echo "$GREETING" >/tmp/www/greeting
/bin/busybox httpd -f -p "127.0.0.1:$PORT" -h /tmp/www &
p=$!
wait $p
`;
const stubborn = serve.replace(/^trap .*$/m, "trap '' TERM");
const crash = `#!/bin/sh
echo starting
echo 'fatal: the schema is of another version' >&2
exit 3
`;

const composeText = `version: '2.4'
services:
  web:
    image: shop-web:live
    build: ./web
    network_mode: host
    env_file: .env
    restart: always
    depends_on: [db]
  db:
    image: quarterdeck-test:latest
    network_mode: none
    command: ["/bin/sh", "-c", "trap 'exit 0' TERM; /bin/busybox sleep 100000 & wait"]
`;

/** Writes what an image is built of. */
export function writeImage(folder: string, version: string, how?: 'crash' | 'stubborn'): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'version'), `${version}\n`);
  writeFileSync(join(folder, 'serve'), how === 'crash' ? crash : how === 'stubborn' ? stubborn : serve);
  chmodSync(join(folder, 'serve'), 0o755);
  writeFileSync(join(folder, 'Dockerfile'), 'FROM quarterdeck-test\nCOPY version serve /\nENTRYPOINT ["/bin/sh", "/serve"]\n');
}

/** Starts the engine, builds `shop-web:v1`, `v2` and `crash`, and lays the project down with `shop-web:live` = v2. Nothing runs yet. */
export async function startServiceLab(dir: string): Promise<ServiceLab> {
  const engine = await startDockerEngine();
  try {
    const project = join(dir, 'shop');
    mkdirSync(project, { recursive: true });
    const port = await freePort();
    const env = { ...process.env, DOCKER_HOST: engine.host, DOCKER_BUILDKIT: '0', COMPOSE_DOCKER_CLI_BUILD: '0' };
    const lab: ServiceLab = {
      engine,
      project,
      port,
      baseUrl: `http://127.0.0.1:${port}`,
      variables: { DOCKER_HOST: engine.host, DOCKER_BUILDKIT: '0', COMPOSE_DOCKER_CLI_BUILD: '0' },
      compose: async (...args) => (await run('docker-compose', args, { env, cwd: project })).stdout.trim(),
      async get(path) {
        try {
          const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
          return answer.ok ? (await answer.text()).trim() : undefined;
        } catch {
          return undefined;
        }
      },
      async serves(version) {
        while ((await lab.get('/version')) !== version) await new Promise((resolve) => setTimeout(resolve, 50));
      },
      imageId: (tag) => engine.docker('image', 'inspect', '--format', '{{.Id}}', tag),
      async build(tag, version, how) {
        const folder = join(dir, `image-${tag}`);
        writeImage(folder, version, how);
        await run('docker', ['build', '--quiet', '--tag', `shop-web:${tag}`, folder], { env });
        return lab.imageId(`shop-web:${tag}`);
      },
      stop: () => engine.stop(),
    };
    await lab.build('v1', 'v1');
    await lab.build('v2', 'v2');
    await lab.build('crash', 'crash', 'crash');
    await engine.docker('tag', 'shop-web:v2', 'shop-web:live');
    writeImage(join(project, 'web'), 'v2');
    writeFileSync(join(project, 'docker-compose.yml'), composeText);
    writeFileSync(join(project, '.env'), `PORT=${port}\nGREETING=hello\n`, { mode: 0o600 });
    return lab;
  } catch (error) {
    await engine.stop();
    throw error;
  }
}

/** A control of a real process: `start`, `stop`, `status`. `trap` is what the process does when it is told to end. */
export function writeControl(folder: string, options: { readonly onTerm?: 'end' | 'ignore' } = {}): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'control');
  const trap = options.onTerm === 'ignore' ? 'trap : TERM' : 'trap "exit 0" TERM';
  writeFileSync(
    path,
    `#!/bin/sh
cd "$(dirname "$0")" || exit 1
alive() { [ -s pid ] && kill -0 "$(cat pid)" 2>/dev/null && [ "$(sed 's/.*) //;s/ .*//' "/proc/$(cat pid)/stat")" != Z ]; }
case $1 in
  status) if alive; then echo "running pid=$(cat pid) started=$(stat -c %Y pid)"; else echo stopped; exit 3; fi ;;
  stop) alive && kill "$(cat pid)"; exit 0 ;;
  start)
    if [ -e broken ]; then echo started; exit 0; fi
    alive && exit 0
    rm -f pid
    setsid sh -c 'echo $$ >pid.new && mv -f pid.new pid || exit 1; ${trap}; while :; do sleep 0.1; done' >/dev/null 2>&1 </dev/null &
    tries=0
    until alive; do tries=$((tries + 1)); [ "$tries" -le 40 ] || exit 1; sleep 0.05; done ;;
esac
`,
  );
  chmodSync(path, 0o755);
  return path;
}
