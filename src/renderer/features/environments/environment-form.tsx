import { Plus, X } from 'lucide-react';
import type { FormEvent, ReactNode } from 'react';
import { useEffect, useState } from 'react';
import './environments.css';
import type { Environment, Tier } from '../../../contract/environments.ts';
import type { ProblemData } from '../../../contract/problem.ts';
import { useLoadable } from '../../app/loadable.ts';
import { problemOf } from '../../app/problem.ts';
import { navigate, sectionLink } from '../../app/router.ts';
import { useServices } from '../../app/services.tsx';
import { Button, ButtonLink } from '../../ui/button.tsx';
import { Field, SelectField, TextField } from '../../ui/field.tsx';
import { TierBadge, tierMeanings } from '../../ui/marks.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import type { EnvironmentFormState } from './draft.ts';
import { emptyForm, emptyHop, formOf, hostProblems, readForm } from './draft.ts';
import { HopFields } from './hop-fields.tsx';
import { SecretRows } from './secret-rows.tsx';
import { StackFields } from './stack-fields.tsx';

function FormSection({ title, about, children }: { title: string; about: string; children: ReactNode }) {
  return (
    <section className="form-section">
      <div>
        <h2>{title}</h2>
        <p className="muted">{about}</p>
      </div>
      <div className="stack stack-4">{children}</div>
    </section>
  );
}

function TierField({ value, onValue }: { value: Tier; onValue: (tier: Tier) => void }) {
  return (
    <fieldset className="tier-options">
      <legend className="visually-hidden">Tier</legend>
      {(Object.keys(tierMeanings) as Tier[]).map((tier) => (
        <label key={tier} className="tier-option">
          <input
            type="radio"
            name="tier"
            value={tier}
            checked={tier === value}
            onChange={() => onValue(tier)}
            aria-label={tierMeanings[tier].word}
          />
          <TierBadge tier={tier} />
          <span className="muted">{tierMeanings[tier].meaning}</span>
        </label>
      ))}
    </fieldset>
  );
}

function focusFirstProblem(): void {
  setTimeout(() => document.querySelector<HTMLElement>('form [aria-invalid="true"]')?.focus(), 0);
}

/** Makes an environment, or changes one. Secrets come after it is saved: they belong to something. */
export function EnvironmentForm({ environment }: { environment?: Environment }) {
  const { client, stores } = useServices();
  const stacks = useLoadable(stores.stacks);
  const known = stacks.data?.stacks ?? [];
  const [form, setForm] = useState<EnvironmentFormState>(() => (environment === undefined ? emptyForm('') : formOf(environment)));
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ProblemData>();
  const firstStack = known[0]?.id;
  useEffect(() => {
    if (firstStack !== undefined) setForm((before) => (before.stack === '' ? { ...before, stack: firstStack } : before));
  }, [firstStack]);

  const stack = known.find(({ id }) => id === form.stack);
  const read = readForm(form, stack);
  const problems = { ...(tried ? read.problems : {}), ...hostProblems(problem) };
  const put = (change: Partial<EnvironmentFormState>): void => {
    setForm((before) => ({ ...before, ...change }));
    setProblem(undefined);
  };

  const save = async (): Promise<void> => {
    setTried(true);
    if (read.draft === undefined) return focusFirstProblem();
    setBusy(true);
    setProblem(undefined);
    try {
      const saved =
        environment === undefined
          ? await client.environments.create(read.draft)
          : await client.environments.update({ environmentId: environment.id, revision: environment.revision, draft: read.draft });
      await stores.environments.refresh();
      void stores.secrets(saved.id).refresh();
      stores.toasts.show({
        tone: 'ok',
        text: environment === undefined ? `${saved.name} is saved. Set its secrets, then connect.` : 'Saved.',
      });
      if (environment === undefined) navigate(sectionLink(saved.id, 'profile'));
    } catch (error) {
      setProblem(problemOf(error));
      focusFirstProblem();
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void save();
  };

  return (
    <div className="page">
      {environment !== undefined && (
        <FormSection title="Secrets" about="Kept by your keychain, set once, never shown again.">
          <SecretRows environmentId={environment.id} />
        </FormSection>
      )}
      <form
        className="environment-form"
        onSubmit={submit}
        noValidate
        aria-label={environment === undefined ? 'New environment' : 'Environment'}
      >
        {environment === undefined && <h1>Add an environment</h1>}
        <FormSection title="Name and tier" about="The tier decides how carefully everything is done here.">
          <TextField
            label="Name"
            value={form.name}
            problem={problems['name']}
            placeholder="friendlyface-eu"
            autoFocus={environment === undefined}
            onValue={(name) => put({ name })}
          />
          <TierField value={form.tier} onValue={(tier) => put({ tier })} />
        </FormSection>
        <FormSection title="SSH" about="Every host on the way is checked by its own key before anything is sent to it.">
          <HopFields hop={form.target} path="ssh.target" problems={problems} onHop={(target) => put({ target })} />
          {form.jumps.map((jump, place) => (
            <fieldset key={jump.key} className="hop stack stack-3" aria-label={`Jump host ${place + 1}`}>
              <div className="row">
                <strong className="grow">Jump host {place + 1}</strong>
                <Button
                  small
                  icon={X}
                  aria-label={`Remove jump host ${place + 1}`}
                  onClick={() => put({ jumps: form.jumps.filter(({ key }) => key !== jump.key) })}
                >
                  Remove
                </Button>
              </div>
              <HopFields
                hop={jump}
                path={`ssh.jumps.${place}`}
                problems={problems}
                onHop={(next) => put({ jumps: form.jumps.map((before) => (before.key === jump.key ? next : before)) })}
              />
            </fieldset>
          ))}
          <div>
            <Button small icon={Plus} disabled={form.jumps.length >= 8} onClick={() => put({ jumps: [...form.jumps, emptyHop()] })}>
              Add a jump host
            </Button>
          </div>
        </FormSection>
        <FormSection title="Stack" about="What runs there, and where its parts are.">
          {stacks.problem !== undefined && <ProblemView problem={stacks.problem} onRetry={() => void stores.stacks.refresh()} />}
          <SelectField
            label="Stack"
            value={form.stack}
            problem={problems['stack']}
            hint={stack?.description}
            options={known.map(({ id, title }) => ({ value: id, title }))}
            onValue={(next) => put({ stack: next })}
          />
          {stacks.data?.problems.map(({ file, message }) => (
            <p key={file} className="field-problem break">
              {file}: {message}
            </p>
          ))}
          {stack !== undefined && (
            <StackFields stack={stack} inputs={form.inputs} problems={problems} onInputs={(inputs) => put({ inputs })} />
          )}
        </FormSection>
        <FormSection title="Notes" about="For the person who opens this at night.">
          <Field label="Notes" optional>
            {(ids) => (
              <textarea
                {...ids}
                className="input"
                rows={4}
                maxLength={10_000}
                value={form.notes}
                onChange={(event) => put({ notes: event.target.value })}
              />
            )}
          </Field>
        </FormSection>
        {environment === undefined && (
          <p className="muted">Its secrets are set on the next screen: they go into your keychain, never into the profile.</p>
        )}
        {problem !== undefined && <ProblemView problem={problem} />}
        <div className="form-foot">
          <Button type="submit" tone="primary" busy={busy}>
            {environment === undefined ? 'Save environment' : 'Save changes'}
          </Button>
          <ButtonLink href={environment === undefined ? '#/welcome' : sectionLink(environment.id, 'overview')}>Cancel</ButtonLink>
          {tried && read.draft === undefined && <span className="field-problem">Some fields need a look.</span>}
        </div>
      </form>
    </div>
  );
}
