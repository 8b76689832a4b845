import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import { SecretKey } from '../../../../contract/secrets.ts';
import type { ActionContext, ActionOutcome, Facts, ProbeOutcome, SlotName } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { jobState } from '../job.ts';
import { done, failed, RemotePath, unknown } from '../tools.ts';
import type { EntryShape } from './env-file.ts';
import { addEntry, alsoIn, entriesOf, removeEntry, restoreEntry, setValue, variableOf } from './env-file.ts';
import type { HostFile } from './env-host.ts';
import { cleanHostFile, readHostFile, textHash, writeHostFile } from './env-host.ts';
import { slotProblem } from './slots.ts';

const Input = z.strictObject({
  path: RemotePath,
  variable: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'the name of a variable'),
  key: SecretKey,
  /** Which value of the secret is set, added or taken out. */
  slot: z.enum(['pending', 'current', 'previous']),
  mode: z.enum(['replace', 'list-add', 'list-remove']).default('replace'),
  separator: z.string().min(1).max(3).default(','),
  /** A list may be empty before or after. Many services take an empty list of keys for “no authentication”. */
  allow_empty: z.boolean().default(false),
  write: z.enum(['auto', 'rename', 'in-place']).default('auto'),
});
type Input = z.infer<typeof Input>;

const SLOTS: readonly SlotName[] = ['current', 'pending', 'previous'];

/** Changes one variable. `shape`: where an entry stood that was taken out. */
function edit(text: string, input: Input, value: string): { text: string; shape?: EntryShape } {
  if (input.mode === 'replace') return { text: setValue(text, input.variable, value) };
  const { raw } = variableOf(text, input.variable);
  const before = entriesOf(raw, input.separator);
  if (input.mode === 'list-add') {
    if (before.length === 0 && !input.allow_empty)
      throw new Problem('conflict', `${input.variable} is empty: the service may take that for “no authentication”.`, {
        hint: 'Look at why it is empty before a key is rotated; nothing was changed.',
      });
    return { text: addEntry(text, input.variable, value, input.separator) };
  }
  const removed = removeEntry(text, input.variable, value, input.separator);
  if (removed === undefined) return { text };
  if (before.length === 1 && !input.allow_empty)
    throw new Problem('conflict', `It is the only entry of ${input.variable}: without it the service may let everybody in.`, {
      hint: 'Add the new key first; nothing was changed.',
    });
  return removed;
}

function back(text: string, input: Input, old: string, value: string, shape: EntryShape | undefined): string {
  if (input.mode === 'replace') return setValue(text, input.variable, old);
  if (input.mode === 'list-add') return removeEntry(text, input.variable, value, input.separator)?.text ?? text;
  return shape === undefined ? text : restoreEntry(text, input.variable, value, input.separator, shape);
}

/** The value of any slot that bears this fingerprint. */
async function byFingerprint(context: ActionContext, key: string, fingerprint: string): Promise<string> {
  const states = await context.slots.status(key);
  const slot = SLOTS.find((name) => states[name] === fingerprint);
  if (slot === undefined)
    throw new Problem('secret-missing', `The value of ${key} that stood in the file (${fingerprint}) is not kept any more.`, {
      hint: 'Set it by hand in the file.',
    });
  return context.slots.read(key, slot);
}

const bytes = (value: string) => Buffer.from(value, 'utf8').toString('latin1');
const wayOf = (input: Input, file: HostFile): 'rename' | 'in-place' =>
  input.write === 'auto' ? (file.pinned === '' ? 'rename' : 'in-place') : input.write;
const changedWords = (input: Input) => `${input.variable} in ${input.path}`;

/** The other file of the two is written over this one in part: the beginning is the new one's, the rest still the old one's. */
export function torn(text: string, old: string, next: string): boolean {
  let same = 0;
  while (same < text.length && text[same] === next[same]) same += 1;
  for (let cut = same; cut >= 0; cut -= 1) if (text.slice(cut) === old.slice(cut)) return true;
  return same === next.length && text.slice(same) === old.slice(same);
}

async function execute(context: ActionContext, input: Input): Promise<ActionOutcome> {
  let file: HostFile;
  let text: string;
  let way: 'rename' | 'in-place';
  const recorded: Record<string, string> = {};
  try {
    const value = await context.slots.read(input.key, input.slot);
    const states = await context.slots.status(input.key);
    const fingerprint = states[input.slot] ?? '';
    file = await mended(context, input, await readHostFile(context, input.path), context.recorded);
    const edited = edit(file.text, input, bytes(value));
    text = edited.text;
    if (text === file.text) {
      const how = input.mode === 'list-remove' ? 'is not in' : 'stands already in';
      return done(`The ${input.slot} ${input.key} (${fingerprint}) ${how} ${changedWords(input)}.`, {
        ...(context.recorded['new_sha256'] === undefined ? { changed: 'no', value: fingerprint } : { ...context.recorded, changed: 'yes' }),
      });
    }
    const old = input.mode === 'replace' ? Buffer.from(variableOf(file.text, input.variable).raw, 'latin1').toString('utf8') : '';
    const oldPrint = input.mode === 'replace' ? await context.slots.fingerprint(old) : '';
    if (input.mode === 'replace' && !Object.values(states).includes(oldPrint))
      throw new Problem('conflict', `${changedWords(input)} holds a value that is none of those kept for ${input.key}.`, {
        hint: 'It would be lost. Set it as the secret in use (secret set), then plan again; nothing was changed.',
      });
    if (back(text, input, bytes(old), bytes(value), edited.shape) !== file.text)
      throw new Problem('not-supported', `${changedWords(input)} could not be put back to the byte.`, {
        hint: 'Remove the blanks around its entries; nothing was changed.',
      });
    way = wayOf(input, file);
    Object.assign(recorded, {
      old_sha256: file.sha256,
      new_sha256: textHash(text),
      value: fingerprint,
      old_value: oldPrint,
      way,
      shape: edited.shape === undefined ? '' : JSON.stringify(edited.shape),
    });
    context.record(recorded);
  } catch (error) {
    return failed(toProblem(error));
  }
  const trouble = await writeHostFile(context, { path: input.path, old: file.sha256, text, way, keep: input.key });
  if (trouble !== undefined) return trouble;
  try {
    const now = await readHostFile(context, input.path);
    if (now.sha256 !== recorded['new_sha256'])
      return failed(
        new Problem('conflict', `${input.path} was written, and somebody else changed it right after.`, { hint: 'Look at it by hand.' }),
      );
    if (now.mode !== file.mode || now.owner !== file.owner)
      return failed(
        new Problem('verification-failed', `${input.path} is ${now.mode} ${now.owner} now, and was ${file.mode} ${file.owner}.`),
      );
    const how = way === 'rename' ? 'as a new file with the owner and mode of the old one' : 'in place; what was there is kept beside it';
    return done(`${changedWords(input)} has ${wordsOf(input, recorded['value'] ?? '')}, written ${how}.`, { ...recorded, changed: 'yes' });
  } catch (error) {
    return unknown(toProblem(error));
  }
}

const wordsOf = (input: Input, fingerprint: string) =>
  input.mode === 'list-remove'
    ? `lost the ${input.slot} ${input.key} (${fingerprint})`
    : input.mode === 'list-add'
      ? `got the ${input.slot} ${input.key} (${fingerprint}) beside the others`
      : `the ${input.slot} ${input.key} (${fingerprint})`;

/** A write in place that was cut off in the middle: what was there before stands beside it, and is what counts. */
async function tornFile(context: ActionContext, input: Input, file: HostFile, recorded: Facts): Promise<HostFile | undefined> {
  const { old_sha256: old, new_sha256: next, way, value } = recorded;
  if (way !== 'in-place' || old === undefined || value === undefined || file.sha256 === old || file.sha256 === next) return undefined;
  const before = await readHostFile(context, input.path, input.key).catch(() => undefined);
  if (before?.sha256 !== old) return undefined;
  const intended = edit(before.text, input, bytes(await byFingerprint(context, input.key, value))).text;
  return textHash(intended) === next && torn(file.text, before.text, intended) ? before : undefined;
}

/** The file as it is, or as it was before a write that was cut off. @throws Problem */
async function mended(context: ActionContext, input: Input, file: HostFile, recorded: Facts): Promise<HostFile> {
  const before = await tornFile(context, input, file, recorded);
  // What is written over is what is there now; what is edited is what was there before.
  return before === undefined ? file : { ...file, text: before.text };
}

async function probe(context: ActionContext, input: Input): Promise<ProbeOutcome> {
  if ((await jobState(context, 'write')).state === 'running') return { found: 'unknown', observed: 'The host is still writing it.' };
  const { recorded } = context;
  const { old_sha256: old, new_sha256: next } = recorded;
  if (next === undefined) return { found: 'not-done', observed: 'Nothing was written yet.' };
  const file = await readHostFile(context, input.path);
  const output = { ...recorded, changed: 'yes' };
  if (file.sha256 === next && !file.left)
    return { found: 'done', observed: `${changedWords(input)} has ${wordsOf(input, recorded['value'] ?? '')}.`, output };
  if (file.sha256 === old && !file.left) return { found: 'not-done', observed: `${input.path} is as it was.` };
  if (file.left) return { found: 'partly', observed: `The writing of ${input.path} was cut off.`, output };
  if ((await tornFile(context, input, file, recorded)) !== undefined)
    return { found: 'partly', observed: `${input.path} is written in part; what was there is kept beside it.`, output };
  const value = bytes(await byFingerprint(context, input.key, recorded['value'] ?? ''));
  return edit(file.text, input, value).text === file.text
    ? {
        found: 'done',
        observed: `${changedWords(input)} has ${wordsOf(input, recorded['value'] ?? '')}; somebody else changed the file since.`,
        output,
      }
    : {
        found: 'not-done',
        observed: `${input.path} was changed by somebody else, and ${input.variable} is not as this step would leave it.`,
      };
}

async function undo(context: ActionContext, input: Input, output: Facts): Promise<ActionOutcome> {
  if (output['changed'] === 'no') return done('Nothing was changed by this step.');
  const { old_sha256: old, new_sha256: next, value, old_value: oldValue, shape } = output;
  if (old === undefined || next === undefined || value === undefined)
    return failed(new Problem('step-failed', 'What was written is not known.'));
  let file: HostFile;
  let text: string;
  try {
    file = await readHostFile(context, input.path);
    if (file.sha256 === old) {
      const trouble = file.left ? await cleanHostFile(context, input.path) : undefined;
      return trouble ?? done(`${input.path} is as it was.`);
    }
    if (file.sha256 === next) {
      const former = input.mode === 'replace' ? bytes(await byFingerprint(context, input.key, oldValue ?? '')) : '';
      const given = input.mode === 'replace' ? '' : bytes(await byFingerprint(context, input.key, value));
      const place = shape === undefined || shape === '' ? undefined : (JSON.parse(shape) as EntryShape);
      text = back(file.text, input, former, given, place);
    } else text = (await tornFile(context, input, file, output))?.text ?? '';
    if (textHash(text) !== old)
      return failed(
        new Problem('conflict', `Somebody else changed ${input.path} since; it was left as they wrote it.`, {
          hint: `Put ${input.variable} back by hand, or bring the file to how this run left it and revert again.`,
        }),
      );
  } catch (error) {
    return failed(toProblem(error));
  }
  const way = output['way'] === 'in-place' ? 'in-place' : wayOf(input, file);
  const trouble = await writeHostFile(context, { path: input.path, old: file.sha256, text, way, keep: input.key });
  return trouble ?? done(`${input.path} is as it was, to the byte.`);
}

async function preflight(context: ActionContext, input: Input): Promise<readonly PreflightItem[]> {
  const item = (id: string, title: string, verdict: PreflightItem['verdict'], detail: string): PreflightItem => ({
    id,
    title,
    verdict,
    detail,
  });
  const blocked = await slotProblem(context, input.key);
  if (blocked !== undefined) return [item('keychain', 'Keychain', 'block', blocked)];
  const title = input.path;
  let file: HostFile;
  try {
    file = await readHostFile(context, input.path);
    const variable = variableOf(file.text, input.variable);
    const items: PreflightItem[] = [];
    const way = wayOf(input, file);
    const why = { '': '', mounted: ' because it is mounted as one file', linked: ' because it has another name' }[file.pinned];
    items.push(
      item(
        'env-file',
        title,
        file.pinned !== '' && way === 'rename' ? 'warn' : 'pass',
        `Line ${variable.line} sets ${input.variable}; mode ${file.mode}, owner ${file.owner}; it will be written ${way === 'rename' ? 'as a new file' : `in place${why}, with a copy beside it`}.`,
      ),
    );
    const current = bytes(await context.slots.read(input.key, 'current'));
    const held = input.mode === 'replace' ? [variable.raw] : entriesOf(variable.raw, input.separator);
    const states = await context.slots.status(input.key);
    const known: string[] = [];
    for (const value of held) {
      const print = await context.slots.fingerprint(Buffer.from(value, 'latin1').toString('utf8'));
      if (Object.values(states).includes(print)) known.push(print);
    }
    if (!(input.mode === 'list-add' && input.slot === 'current') && known.length === 0 && !(held.length === 0 && input.allow_empty))
      items.push(
        item(
          'value',
          `Value of ${input.variable}`,
          'block',
          `It does not hold the ${input.key} that this console keeps (${states.current ?? 'none'}): the wrong key would be rotated. Set the right one first.`,
        ),
      );
    if (held.length === 0 && !input.allow_empty)
      items.push(item('empty', `Value of ${input.variable}`, 'block', 'It is empty: the service may take that for “no authentication”.'));
    const others = alsoIn(file.text, input.variable, current);
    if (input.slot === 'pending' && others.length > 0)
      items.push(
        item(
          'elsewhere',
          'The old value stands elsewhere too',
          'warn',
          `In ${others.map(({ name, line }) => `${name} (line ${line})`).join(', ')}. That is not changed: what is granted to the old key there is not granted to the new one.`,
        ),
      );
    return items;
  } catch (error) {
    const { message, hint } = toProblem(error);
    return [item('env-file', title, 'block', hint === undefined ? message : `${message} ${hint}`)];
  }
}

const verb = { replace: 'set', 'list-add': 'add to', 'list-remove': 'take out of' } as const;

/** `envfile.set-secret@1`: one value of a secret in an environment file; every other byte stays, and nobody else's edit is lost. */
export const setSecretAction = defineAction<Input>({
  id: 'envfile.set-secret@1',
  title: 'Set a secret in the environment file',
  effect: 'write',
  input: Input,
  outputs: ['changed', 'old_sha256', 'new_sha256', 'value'],
  describe: (input) => [
    { kind: 'ssh', text: `cat ${input.path}` },
    { kind: 'local', text: `${verb[input.mode]} ${input.variable}: ‹${input.key}, ${input.slot}›  (every other byte stays)` },
    { kind: 'ssh', text: `sha256sum ${input.path}  (refused when it changed); write beside it, same owner and mode; mv` },
  ],
  preflight,
  execute,
  probe,
  undo: {
    title: 'Put the bytes from before back',
    describe: (input) => [
      { kind: 'ssh', text: `sha256sum ${input.path}  (refused when somebody else changed it); write the bytes from before` },
    ],
    execute: undo,
    async probe(context, input, output) {
      if ((await jobState(context, 'write')).state === 'running') return { found: 'unknown', observed: 'The host is still writing it.' };
      if (output['changed'] === 'no') return { found: 'done', observed: 'Nothing was changed by this step.' };
      const file = await readHostFile(context, input.path);
      return file.sha256 === output['old_sha256'] && !file.left
        ? { found: 'done', observed: `${input.path} is as it was.` }
        : { found: 'not-done', observed: `${input.path} is not as it was.` };
    },
  },
});
