import { formatBytes } from '../../contract/bytes.ts';
import type { HostLock, Plan, Preflight, Progress, Run, RunStep, SurveyFinding, UndoPlan } from '../../contract/runs.ts';
import { table, time } from './output.ts';

/** How many lines of what a step said are shown when it did not end well. */
const LAST_LINES = 12;

/** What will happen, to what, with every command and its way back. */
export function describePlan(plan: Plan): string {
  const lines = [`${plan.title} on ${plan.environmentName} (${plan.tier}), plan ${plan.hash.slice(0, 12)}`];
  if (plan.blastRadius.length > 0) lines.push('What it touches:', ...plan.blastRadius.map((text) => `  - ${text}`));
  plan.steps.forEach((step, at) => {
    if (step.id === plan.pointOfNoReturn) lines.push('  ── point of no return ──');
    lines.push(
      `${at + 1}. ${step.title}  [${step.effect}]`,
      ...step.commands.map(({ kind, text }) =>
        text
          .split('\n')
          .map((line, n) => `     ${n === 0 ? `${kind}: ` : '     '}${line}`)
          .join('\n'),
      ),
    );
    lines.push(`     undo: ${undoWords(step.undo)}`);
  });
  return lines.join('\n');
}

function undoWords(undo: UndoPlan): string {
  switch (undo.kind) {
    case 'undo':
      return undo.title;
    case 'kept':
      return `kept: ${undo.reason}`;
    case 'irreversible':
      return `none: ${undo.reason}`;
    case 'nothing-to-undo':
      return 'nothing to undo';
  }
}

/** Whether it can be carried out, check by check. */
export function describePreflight(preflight: Preflight): string {
  return [
    `Preflight: ${preflight.ok ? 'nothing stands in the way' : 'BLOCKED'}`,
    table(preflight.items.map(({ verdict, title, detail }) => [`  ${verdict.toUpperCase()}`, title, detail])),
  ].join('\n');
}

/** One step as it stands. */
export function describeStep(run: Run, step: RunStep): string {
  const title = run.plan.steps.find(({ id }) => id === step.id)?.title ?? step.id;
  const words = step.problem?.message ?? step.observed ?? '';
  return `  ${step.state.padEnd(9)} ${title}${step.durationMs === null || step.state === 'running' ? '' : ` (${(step.durationMs / 1000).toFixed(1)} s)`}${words === '' ? '' : `: ${words}`}`;
}

/** A run and its steps as they stand. */
export function describeRun(run: Run, output = false): string {
  return [
    `${run.plan.title} on ${run.plan.environmentName}: ${run.state}. ${run.summary}`,
    `run ${run.id} by ${run.operator}, ${time(run.startedAt)}`,
    ...run.steps.map((step) => [describeStep(run, step), ...(output ? saidLines(step) : [])].join('\n')),
    run.allowed.length === 0 ? '' : `can: ${run.allowed.join(', ')}`,
  ]
    .filter((line) => line !== '')
    .join('\n');
}

function saidLines({ said }: RunStep): string[] {
  if (said === null) return [];
  const head =
    said.dropped > 0 ? [`            | … ${said.dropped} bytes before this are not kept; SHA-256 of all: ${said.sha256 ?? '-'}`] : [];
  return [
    ...head,
    ...said.text
      .trimEnd()
      .split('\n')
      .map((line) => `            | ${line}`),
  ];
}

/** The end of what a step said, for one that did not end well. */
export function describeSaid(step: RunStep): string | undefined {
  if (step.said === null || (step.state !== 'failed' && step.state !== 'unknown' && step.state !== 'revert-failed')) return undefined;
  const lines = step.said.text.trimEnd().split('\n');
  const shown = lines.slice(-LAST_LINES).map((line) => `            | ${line}`);
  return [...(lines.length > LAST_LINES || step.said.dropped > 0 ? ['            | …'] : []), ...shown].join('\n');
}

/** `12 MB of 48 MB, 8 MB/s, about 4 s left`. */
export function describeProgress({ done, total, unit, rate, remainingMs }: Progress): string {
  const words = (n: number) => (unit === 'bytes' ? formatBytes(n) : String(Math.round(n)));
  return [
    `${words(done)} of ${words(total)}`,
    ...(rate === null ? [] : [`${unit === 'bytes' ? formatBytes(rate) : rate}/s`]),
    ...(remainingMs === null ? [] : [`about ${Math.ceil(remainingMs / 1000)} s left`]),
  ].join(', ');
}

/** What the host offers for a runbook's inputs. */
export function describeSurvey(findings: readonly SurveyFinding[]): string {
  if (findings.length === 0) return 'The host has nothing to choose from for this runbook.';
  return findings
    .map(({ input, title, detail, seen, choices = [], min, max }) =>
      [
        `${input === null ? title : `${input} — ${title}`}: ${seen ? detail : `could not be looked at. ${detail}`}`,
        ...(min === undefined && max === undefined ? [] : [`  from ${min ?? 'any'} to ${max ?? 'any'}`]),
        ...choices.map(({ value, label }) => `  ${value}${label === value ? '' : `  ${label}`}`),
      ].join('\n'),
    )
    .join('\n');
}

/** Who holds the host's lock. */
export function describeLock(name: string, { holder, place, shared }: HostLock): string {
  const reach = shared ? '' : ' The host has no folder that all accounts share: operators with other logins are not seen.';
  if (holder === null) return `Nobody changes ${name} (${place} is free).${reach}`;
  const who = holder.runId === '' ? 'somebody; who it is was not written' : `${holder.operator}, run ${holder.runId}`;
  return `${name} is held by ${who}, since ${time(holder.at)}, account ${holder.account}${holder.state === null ? '' : `; here that run is ${holder.state}`}.${reach}`;
}
