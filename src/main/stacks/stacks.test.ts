// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the stack format look like that
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { Runbook } from '../../contract/runs.ts';
import { StackInfo } from '../../contract/stacks.ts';
import { createActions } from './actions/index.ts';
import { stackJsonSchema } from './json-schema.ts';
import { loadStack } from './load.ts';
import { createStacks } from './stacks.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const shipped = join(resources, 'stacks');
const actions = createActions({ inspectSqlite: () => Promise.reject(new Error('not here')) });
const text = readFileSync(join(shipped, 'friendlyface.yaml'), 'utf8');
const load = (yaml: string) => loadStack('friendlyface.yaml', yaml, actions, 'shipped');
const swap = (from: string, to: string) => {
  if (!text.includes(from)) throw new Error(`the shipped stack does not say: ${from}`);
  return text.replace(from, () => to);
};

describe('the shipped stack', () => {
  it('loads, and crosses the boundary as the contract has it', () => {
    const stack = load(text);
    expect(StackInfo.parse(stack.info)).toEqual(stack.info);
    for (const runbook of stack.runbooks) expect(Runbook.parse(runbook)).toEqual(runbook);
    expect(stack.runbooks.find(({ id }) => id === 'restore-backup')?.effect).toBe('destructive');
    expect(stack.definition.probes.find(({ id }) => id === 'health')?.every).toBe(15_000);
    expect(load(stringify(parse(text))).hash).toBe(stack.hash);
  });

  it('is told of correctly: the example of the documentation loads, and every action is listed', () => {
    const page = readFileSync(join(resources, '../docs/stack-format.md'), 'utf8');
    const example = /## An example\n```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
    expect(load(example).info.id).toBe('hello');
    for (const action of actions.values()) expect(page).toContain(`| \`${action.id}\` | ${action.effect} |`);
  });

  it('has a current JSON Schema', () => {
    expect(readFileSync(join(resources, 'stack.schema.json'), 'utf8')).toBe(stackJsonSchema());
  });
});

describe('what is refused, with its place', () => {
  const cases: [string, string, RegExp][] = [
    [
      'an unknown key',
      swap('    kind: disk\n    every', '    foo: 1\n    kind: disk\n    every'),
      /^friendlyface\.yaml:\d+:5: unknown key `foo` in probes\[4\]/,
    ],
    [
      'a misspelt key',
      swap('degraded_above: 1s', 'degraded_abov: 1s'),
      /:7: unknown key `degraded_abov` in probes\[0\]\.http; did you mean degraded_above\?/,
    ],
    [
      'an unknown action',
      swap('action: friendlyface.cleanup@1', 'action: friendlyface.clean@1'),
      /there is no action friendlyface\.clean@1; did you mean friendlyface\.cleanup@1\?/,
    ],
    [
      'an unknown parameter',
      swap("with: { control: '${inputs.service_control}' }", "with: { contrl: '${inputs.service_control}' }"),
      /unknown key `contrl` .*did you mean control\?|control/,
    ],
    ['a bad literal', swap('path: /health }', 'path: /health, expect_status: 9 }'), /expect_status/],
    [
      'a reference inside a longer text',
      swap("backup: '${run.backup}'", "backup: 'x-${run.backup}'"),
      /a reference must be the whole value/,
    ],
    [
      'a reference to nowhere',
      swap('control: ${inputs.service_control}', 'control: ${inputs.service_controll}'),
      /no input named service_controll; did you mean service_control\?/,
    ],
    [
      'a reference to a later step',
      swap(
        'backup: ${run.backup}\n          sha256: ${steps.secure.sha256}',
        'backup: ${run.backup}\n          sha256: ${steps.restore.safety}',
      ),
      /there is no step restore before this one/,
    ],
    ['a fact that a step does not find', swap('${steps.secure.sha256}', '${steps.secure.sha}'), /no fact of step secure named sha/],
    [
      'a reference where none is understood',
      swap('title: Traffic', 'title: ${inputs.base_url}'),
      /probes\[3\]\.title: a reference cannot stand here/,
    ],
    [
      'a probe that is not there',
      swap('probe: chain, is: unhealthy', 'probe: chian, is: unhealthy'),
      /there is no probe chian; did you mean chain\?/,
    ],
    ['the same id twice', swap('id: deep\n    title: Deep', 'id: health\n    title: Deep'), /the probe health is there twice/],
    [
      'a secret that is not declared',
      swap('path: /chain/integrity\n      secret: api-key', 'path: /chain/integrity\n      secret: api-kee'),
      /there is no secret api-kee; did you mean api-key\?/,
    ],
    ['a bad duration', swap('every: 15s', 'every: 15'), /friendlyface\.yaml:\d+:12: probes\[0\]\.every/],
    [
      'a shell string',
      swap("with: { control: '${inputs.service_control}' }", "run: rm -rf /\n        with: { control: '${inputs.service_control}' }"),
      /unknown key `run`/,
    ],
    ['a duplicate key', swap('stack: friendlyface', 'stack: friendlyface\nstack: other'), /friendlyface\.yaml:\d+:1: /],
    ['an alias', swap('title: FriendlyFace', 'title: &a FriendlyFace'), /anchors are not allowed/],
    ['a billion laughs', `a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n`, /not allowed/],
    ['a tag', swap('title: FriendlyFace', 'title: !!js/function "x"'), /tag/i],
    ['a standard tag', swap('version: 1', 'version: !!int "1"'), /tags/],
    ['two documents', `${text}\n---\nstack: two\n`, /document/],
    ['a key of JavaScript', swap('version: 1', '__proto__: { polluted: true }\nversion: 1'), /__proto__/],
    ['depth', `a: ${'['.repeat(60)}${']'.repeat(60)}`, /nested/],
    ['absurd depth', `a: ${'['.repeat(100_000)}`, /.+/],
    ['size', `a: ${'x'.repeat(300_000)}`, /256 KiB/],
    ['nothing at all', '', /stack/],
    ['a list', '- a\n', /the stack/],
  ];
  it.each(cases)('%s', (_what, yaml, message) => {
    let problem: unknown;
    try {
      load(yaml);
    } catch (error) {
      problem = error;
    }
    expect(problem).toMatchObject({ data: { code: 'stack-invalid' } });
    expect((problem as Error).message).toMatch(message);
    expect((problem as Error).message).toMatch(/^friendlyface\.yaml/);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('the user folder', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'quarterdeck-stacks-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('adds stacks; a bad one hides no other, and none takes the place of a shipped one', () => {
    writeFileSync(join(folder, 'a-bad.yaml'), 'stack: [');
    writeFileSync(join(folder, 'b-own.yml'), 'stack: own\nversion: 1\ntitle: Own\ndescription: Mine\ninputs: []\n');
    writeFileSync(join(folder, 'c-thief.yaml'), text);
    writeFileSync(join(folder, '.hidden.yaml'), 'stack: [');
    const stacks = createStacks({ shippedFolder: shipped, userFolder: folder, actions });
    expect(stacks.list().stacks.map(({ id }) => id)).toEqual(['friendlyface', 'own']);
    expect(stacks.get('own').info).toMatchObject({
      source: join(folder, 'b-own.yml'),
      features: { probes: false, logs: false, backups: false },
    });
    expect(stacks.list().problems.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^a-bad\.yaml:1:\d+: /),
      expect.stringContaining('is there already (shipped)'),
    ]);
    writeFileSync(join(folder, 'a-bad.yaml'), 'stack: good\nversion: 1\ntitle: Good\ndescription: Now\ninputs: []\n');
    stacks.reload();
    expect(stacks.list().stacks.map(({ id }) => id)).toEqual(['friendlyface', 'good', 'own']);
    expect(() => stacks.get('nowhere')).toThrow(expect.objectContaining({ data: expect.objectContaining({ code: 'not-found' }) }));
  });
});
