import { createHash } from 'node:crypto';
import { Problem } from '../../../../contract/problem.ts';
import type { ActionContext } from '../../../engine/action.ts';
import { look } from '../job.ts';
import { variableOf } from '../rotation/env-file.ts';
import { readHostFile } from '../rotation/env-host.ts';
import type { Life } from './life.ts';
import type { ServiceRef } from './ref.ts';

/**
 * `$1` kind, `$2` process or container, `$3` variable; stdin: hashes of what it must be. The value itself never leaves the host. A process's
 * environment is lines ended by NUL; a line break within a value changes places with a character that no value has.
 */
const script = `kind=$1 what=$2 name=$3
hash() { if command -v sha256sum >/dev/null 2>&1; then sha256sum | cut -c1-64; else openssl dgst -sha256 | sed 's/.*[ =]//'; fi; }
if [ "$kind" = container ]; then
  all=$(docker inspect --type container --format '{{range .Config.Env}}{{println .}}{{end}}' -- "$what") || exit 45
elif [ -r "/proc/$what/environ" ]; then
  all=$(tr '\\000\\n' '\\n\\001' <"/proc/$what/environ") || exit 46
else exit 46
fi
line=$(printf '%s\\n' "$all" | grep "^$name=" | tail -n 1) || { echo found=no; exit 0; }
echo found=yes
is=$(printf '%s\\n' "\${line#*=}" | tr '\\001' '\\n' | hash)
while read -r wanted; do [ "$is" = "$wanted" ] && echo same=yes; done
exit 0
`;

/** How the environment of something that runs compares with a file. */
export type EnvironmentState = 'same' | 'different' | 'absent';

/** Compares one variable of the environment that a life was given with the file, by hash on the host. @throws Problem when it can't be told */
export async function environmentState(
  context: ActionContext,
  ref: ServiceRef,
  life: Life,
  file: { path: string; variable: string },
): Promise<EnvironmentState> {
  const { text } = await readHostFile(context, file.path);
  const { raw, quote } = variableOf(text, file.variable);
  // docker's own reader of such files leaves the quotes in the value.
  const wanted = new Set([raw, `${quote}${raw}${quote}`]);
  const hashes = [...wanted].map((value) =>
    createHash('sha256')
      .update(Buffer.from(`${value}\n`, 'latin1'))
      .digest('hex'),
  );
  const container = ref.kind === 'container' || ref.kind === 'compose';
  const end = await look(
    await context.session(),
    { script, args: [container ? 'container' : 'process', container ? life.id : life.pid, file.variable] },
    { input: `${hashes.join('\n')}\n`, timeoutMs: 20_000 },
  );
  if (end.exitCode !== 0)
    throw new Problem('remote-permission-denied', `The environment of ${life.name} can’t be read on the host.`, {
      hint: container ? 'The engine does not tell it.' : 'Sign in as the user the service runs as, or as root.',
    });
  if (end.facts['found'] !== 'yes') return 'absent';
  return end.facts['same'] === 'yes' ? 'same' : 'different';
}
