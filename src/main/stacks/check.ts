import type { Effect } from '../../contract/runs.ts';
import type { ActionRegistry } from '../engine/action.ts';
import { parseReference, placeholder, resolveReferences } from './references.ts';
import type { RunbookDefinition, StackDefinition } from './schema.ts';
import { pathText, schemaProblem } from './schema-errors.ts';
import type { SourcePath, StackSource } from './source.ts';
import { didYouMean } from './suggest.ts';

/** The strongest effect among a runbook's steps. */
export function runbookEffect(runbook: RunbookDefinition, actions: ActionRegistry): Effect {
  const effects = new Set(runbook.steps.map((step) => actions.get(step.action)?.effect ?? 'destructive'));
  return effects.has('destructive') ? 'destructive' : effects.has('write') ? 'write' : 'read';
}

/**
 * What a schema can't see: names are unique, references are whole and lead somewhere, actions exist and take what they are
 * given. @throws Problem `stack-invalid` with file, line and column
 */
export function checkStack(stack: StackDefinition, source: StackSource, actions: ActionRegistry): void {
  const inputs = stack.inputs.map((input) => input.name);
  const secrets = stack.secrets.map((secret) => secret.key);
  const unique = (list: readonly string[], path: string, what: string, field: string) => {
    const again = list.findIndex((name, index) => list.indexOf(name) !== index);
    if (again >= 0) throw source.problem([path, again, field], `${what} ${list[again]} is there twice`);
  };
  const known = (name: string, list: readonly string[], what: string, path: SourcePath) => {
    if (!list.includes(name)) throw source.problem(path, `${pathText(path)}: there is no ${what} ${name}${didYouMean(name, list)}`);
  };

  unique(inputs, 'inputs', 'the input', 'name');
  unique(secrets, 'secrets', 'the secret', 'key');
  unique(
    stack.probes.map(({ id }) => id),
    'probes',
    'the probe',
    'id',
  );
  unique(
    stack.alerts.map(({ id }) => id),
    'alerts',
    'the alert',
    'id',
  );
  unique(
    stack.logs.map(({ id }) => id),
    'logs',
    'the log',
    'id',
  );
  unique(
    stack.runbooks.map(({ id }) => id),
    'runbooks',
    'the runbook',
    'id',
  );
  refuseStrayReferences(stack, source);

  for (const [index, input] of stack.inputs.entries()) checkChoices(input, ['inputs', index], source);
  for (const [index, probe] of stack.probes.entries()) {
    const path = ['probes', index];
    if ((probe.kind === 'disk') !== (probe.disk !== undefined))
      throw source.problem(path, `${pathText(path)}: \`disk\` belongs to kind disk, and to it only`);
    if ((probe.kind !== 'disk') !== (probe.http !== undefined))
      throw source.problem(path, `${pathText(path)}: \`http\` belongs to kinds http and metrics, and to them only`);
    if (probe.http?.secret !== undefined) known(probe.http.secret, secrets, 'secret', [...path, 'http', 'secret']);
    if (probe.disk !== undefined) known(probe.disk.path, inputs, 'input', [...path, 'disk', 'path']);
  }
  const probes = stack.probes.map(({ id }) => id);
  for (const [index, alert] of stack.alerts.entries()) {
    known(alert.rule.probe, probes, 'probe', ['alerts', index, 'rule', 'probe']);
    const probe = stack.probes.find(({ id }) => id === alert.rule.probe);
    if (alert.rule.kind === 'metric-share' && probe?.kind !== 'metrics')
      throw source.problem(['alerts', index, 'rule', 'probe'], `the probe ${alert.rule.probe} reads no metrics`);
  }
  for (const [index, log] of stack.logs.entries()) {
    const reference = parseReference(log.from);
    if (reference === undefined) continue;
    const path = ['logs', index, 'from'];
    if (reference === 'malformed' || reference.kind !== 'inputs')
      throw source.problem(path, `${pathText(path)}: only a whole \${inputs.…} can stand here`);
    known(reference.name, inputs, 'input', path);
  }
  if (stack.backups !== undefined) {
    const { kind: _kind, ...names } = stack.backups;
    for (const [key, name] of Object.entries(names)) {
      if (name === undefined) continue;
      if (key === 'secret') known(name, secrets, 'secret', ['backups', key]);
      else known(name, inputs, 'input', ['backups', key]);
    }
  }
  for (const [index, runbook] of stack.runbooks.entries())
    checkRunbook(runbook, ['runbooks', index], { inputs, runbooks: stack.runbooks.map(({ id }) => id) }, source, actions);
}

function checkRunbook(
  runbook: RunbookDefinition,
  path: SourcePath,
  { inputs, runbooks }: { inputs: readonly string[]; runbooks: readonly string[] },
  source: StackSource,
  actions: ActionRegistry,
): void {
  const runInputs = runbook.inputs.map(({ name }) => name);
  const earlier = new Map<string, readonly string[]>();
  for (const [index, input] of runbook.inputs.entries()) {
    if (runInputs.indexOf(input.name) !== index)
      throw source.problem([...path, 'inputs', index, 'name'], `the input ${input.name} is there twice`);
    checkChoices(input, [...path, 'inputs', index], source);
  }
  for (const [index, step] of runbook.steps.entries()) {
    const at = [...path, 'steps', index];
    if (earlier.has(step.id)) throw source.problem([...at, 'id'], `the step ${step.id} is there twice`);
    const action = actions.get(step.action);
    if (action === undefined)
      throw source.problem([...at, 'action'], `there is no action ${step.action}${didYouMean(step.action, [...actions.keys()])}`);
    const referring = new Set<string>();
    for (const [key, value] of Object.entries(step.with)) {
      for (const text of Array.isArray(value) ? value : [value]) {
        if (typeof text !== 'string') continue;
        const where = [...at, 'with', key];
        const reference = parseReference(text);
        if (reference === undefined) continue;
        referring.add(key);
        if (reference === 'malformed')
          throw source.problem(
            where,
            `${pathText(where)}: a reference must be the whole value, such as \${inputs.name}, \${run.name} or \${steps.id.fact}`,
          );
        const [list, what] =
          reference.kind === 'inputs'
            ? [inputs, 'input']
            : reference.kind === 'run'
              ? [runInputs, 'run input']
              : [earlier.get(reference.step), `fact of step ${reference.step}`];
        if (list === undefined)
          throw source.problem(
            where,
            `${pathText(where)}: there is no step ${reference.kind === 'steps' ? reference.step : ''} before this one`,
          );
        if (!list.includes(reference.name))
          throw source.problem(where, `${pathText(where)}: there is no ${what} named ${reference.name}${didYouMean(reference.name, list)}`);
      }
    }
    const literal = action.input.safeParse(
      resolveReferences(step.with, (reference) =>
        placeholder(reference.kind === 'steps' ? reference.step : reference.kind, reference.name),
      ),
    );
    // What stands for a reference is checked when the plan is made; literals, missing and unknown keys are checked now.
    const issues = literal.success
      ? []
      : literal.error.issues.filter((issue) => issue.path.length === 0 || !referring.has(String(issue.path[0])));
    if (issues.length > 0) throw schemaProblem(source, action.input, issues, [...at, 'with']);
    earlier.set(step.id, action.outputs);
  }
  if (runbook.point_of_no_return !== undefined && !earlier.has(runbook.point_of_no_return)) {
    throw source.problem([...path, 'point_of_no_return'], `there is no step ${runbook.point_of_no_return}`);
  }
  if (runbook.rehearsal !== undefined) checkRehearsal(runbook.rehearsal, [...path, 'rehearsal'], runbooks, earlier, source);
}

/** A rehearsal measures up to a step that is there, by a fact that is found out. */
function checkRehearsal(
  { of, until, data_time: dataTime }: NonNullable<RunbookDefinition['rehearsal']>,
  path: SourcePath,
  runbooks: readonly string[],
  facts: ReadonlyMap<string, readonly string[]>,
  source: StackSource,
): void {
  if (!runbooks.includes(of)) throw source.problem([...path, 'of'], `there is no runbook ${of}${didYouMean(of, runbooks)}`);
  if (!facts.has(until)) throw source.problem([...path, 'until'], `there is no step ${until}${didYouMean(until, [...facts.keys()])}`);
  if (dataTime === undefined) return;
  const reference = parseReference(dataTime);
  const where = [...path, 'data_time'];
  if (reference === undefined || reference === 'malformed' || reference.kind !== 'steps')
    throw source.problem(where, `${pathText(where)}: only a whole \${steps.id.fact} can stand here`);
  const list = facts.get(reference.step);
  if (list === undefined) throw source.problem(where, `there is no step ${reference.step}`);
  if (!list.includes(reference.name))
    throw source.problem(where, `there is no fact of step ${reference.step} named ${reference.name}${didYouMean(reference.name, list)}`);
}

function checkChoices(
  input: { type: string; choices?: string[] | undefined; default?: string | undefined },
  path: SourcePath,
  source: StackSource,
): void {
  if ((input.type === 'choice') !== (input.choices !== undefined && input.choices.length > 0))
    throw source.problem(path, `${pathText(path)}: choices belong to type choice, and to it only`);
  if (input.choices !== undefined && input.default !== undefined && !input.choices.includes(input.default))
    throw source.problem([...path, 'default'], `${pathText(path)}: the default is not among the choices`);
}

/** References are understood in three places; anywhere else they would be shown as they stand, or worse, believed. */
function refuseStrayReferences(stack: StackDefinition, source: StackSource): void {
  const walk = (value: unknown, path: SourcePath): void => {
    if (typeof value === 'string' && value.includes('${')) throw source.problem(path, `${pathText(path)}: a reference cannot stand here`);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, member] of Object.entries(value)) {
      const allowed = key === 'with' || (key === 'from' && path[0] === 'logs') || (key === 'data_time' && path.at(-1) === 'rehearsal');
      if (!allowed) walk(member, [...path, Array.isArray(value) ? Number(key) : key]);
    }
  };
  walk(stack, []);
}
