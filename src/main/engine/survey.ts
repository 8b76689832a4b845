import type { Environment } from '../../contract/environments.ts';
import type { SurveyFinding } from '../../contract/runs.ts';
import type { ParameterValue } from '../stacks/references.ts';
import { parseReference } from '../stacks/references.ts';
import type { RunbookDefinition, StackDefinition } from '../stacks/schema.ts';
import type { ActionContext, ActionRegistry, SurveyItem } from './action.ts';
import { environmentInputs } from './plan.ts';
import { plainLine, toProblem } from './words.ts';

const MOST_CHOICES = 500;

/** A step's parameters as far as they are known now; those that depend on what is not are left out. */
function known(parameters: Readonly<Record<string, ParameterValue>>, value: (text: string) => string | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parameters).flatMap(([key, parameter]): [string, unknown][] => {
      if (typeof parameter === 'string') {
        const found = value(parameter);
        return found === undefined ? [] : [[key, found]];
      }
      if (!Array.isArray(parameter)) return [[key, parameter]];
      const found = parameter.map((text: string) => value(text));
      return found.includes(undefined) ? [] : [[key, found]];
    }),
  );
}

/** Asks every step's action what the host offers, and says which of the run's inputs it is for. Reads only, never throws for one step. */
export async function surveyRunbook(options: {
  environment: Environment;
  stack: StackDefinition;
  runbook: RunbookDefinition;
  inputs: Readonly<Record<string, string>>;
  actions: ActionRegistry;
  contextFor: (stepId: string) => ActionContext;
}): Promise<SurveyFinding[]> {
  const { environment, stack, runbook, inputs, actions } = options;
  const settings = environmentInputs(stack, environment);
  const given: Record<string, string | undefined> = Object.fromEntries(
    runbook.inputs.map((input) => [input.name, inputs[input.name] || input.default || undefined]),
  );
  const value = (text: string): string | undefined => {
    const reference = parseReference(text);
    if (reference === undefined) return text;
    if (reference === 'malformed' || reference.kind === 'steps') return undefined;
    return (reference.kind === 'inputs' ? settings[reference.name] : given[reference.name]) || undefined;
  };
  const findings: SurveyFinding[] = [];
  for (const step of runbook.steps) {
    const action = actions.get(step.action);
    if (action?.survey === undefined) continue;
    const inputOf = (parameter: string | undefined): string | null => {
      const text = parameter === undefined ? undefined : step.with[parameter];
      const reference = typeof text === 'string' ? parseReference(text) : undefined;
      return typeof reference === 'object' && reference.kind === 'run' ? reference.name : null;
    };
    try {
      const items = await action.survey(options.contextFor(step.id), known(step.with, value));
      findings.push(...items.map((item) => finding(step.id, inputOf(item.parameter), item)));
    } catch (error) {
      const { message, hint } = toProblem(error);
      findings.push({
        stepId: step.id,
        input: null,
        title: step.title ?? action.title,
        detail: hint === undefined ? message : `${message} ${hint}`,
        seen: false,
      });
    }
  }
  return unique(findings);
}

function finding(stepId: string, input: string | null, item: SurveyItem): SurveyFinding {
  return {
    stepId,
    input,
    title: plainLine(item.title, 200),
    detail: plainLine(item.detail, 1000),
    seen: true,
    ...(item.choices === undefined
      ? {}
      : {
          choices: item.choices
            .slice(0, MOST_CHOICES)
            .map((choice) => ({ value: choice.value.slice(0, 4096), label: plainLine(choice.label, 200) })),
        }),
    ...(item.min === undefined ? {} : { min: plainLine(item.min, 60) }),
    ...(item.max === undefined ? {} : { max: plainLine(item.max, 60) }),
  };
}

/** Two steps of one family often find the same thing for the same input. */
function unique(findings: readonly SurveyFinding[]): SurveyFinding[] {
  const seen = new Set<string>();
  return findings.filter(({ stepId: _step, ...rest }) => {
    const key = JSON.stringify(rest);
    return !seen.has(key) && seen.add(key) !== undefined;
  });
}
